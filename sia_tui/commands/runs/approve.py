"""approve: decide on the candidate that awaits approval."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.options import Shared, UserPath, shared_options
from sia_tui.cli.output import echo, plain, print_json

if TYPE_CHECKING:
    from engine.events.types import Answer


@click.command("approve")
@click.argument("reference", metavar="RUN", default="last")
@click.option("--yes", "answer", flag_value="yes", help="Approve: the candidate is executed, or a jump accepted.")
@click.option("--no", "answer", flag_value="no", help="Decline: the agent makes another.")
@click.option("--edit", type=UserPath(), help="Execute the harness in this folder instead.")
@click.option("--reason", default="", help="Your reason; it is recorded, and the agent reads it.")
@shared_options
def approve(reference: str, answer: Answer | None, edit: Path | None, reason: str, shared: Shared) -> None:
    """Show the candidate of RUN that awaits approval; approve, decline or edit it.

    Example: sia approve last --yes
    """
    from engine.loop.approval import give
    from engine.loop.control_socket import Approval

    if answer is not None and edit is not None:
        raise click.UsageError("--edit excludes --yes and --no.")
    facts = _awaiting(reference, shared)
    if answer is None and edit is None and not shared.as_json:
        _show(facts)
        if not shared.headless and sys.stdin.isatty():
            answer = "yes" if click.confirm("Accept it?" if facts["held"] else "Execute it?") else "no"
    given = "edit" if edit else answer
    if given is not None:
        approval = Approval(given, "a person", reason, str(edit.absolute()) if edit else "", facts["commit"])
        give(shared.workspace, facts["run"], approval)
    if shared.as_json:
        print_json({**facts, "answer": given})
    elif given is not None:
        from sia_tui.cli.headlines import ANSWERS

        echo(f"candidate {facts['number']} of {facts['name']}: {ANSWERS[given]}.")


def _awaiting(reference: str, shared: Shared) -> dict[str, Any]:
    import msgspec

    from engine.core.state import fold
    from engine.errors import SiaError
    from engine.loop.approval import additions
    from engine.queries import harness_diff
    from harness_repo.harness import parse

    with contextlib.closing(shared.workspace.reader()) as reader:
        found = reader.find(reference)
        state = fold(reader.history(found.run))
        if state.awaiting is None:
            raise SiaError(
                f"{found.name} has no candidate awaiting approval", "start a run with --approve harness to be asked"
            )
        held = state.why_held(state.awaiting)
        version, old = state.versions[state.awaiting], state.versions[state.incumbent or 1]
        files, before = ({path: reader.blob(name) for path, name in v.files.items()} for v in (version, old))
        diff = harness_diff.between(reader, shared.workspace, old, version)
    return {
        "run": found.run,
        "name": found.name,
        "number": state.awaiting,
        "commit": version.commit,
        "reason": version.reason,
        "held": held or None,
        "newly_asked": msgspec.to_builtins(additions(parse(before), parse(files))),
        "diff": diff,
    }


def _show(facts: dict[str, Any]) -> None:
    candidate = f"candidate {facts['number']} ({facts['commit'][:10]})"
    echo(f"{facts['name']}: {candidate} awaits approval. {facts['reason']}")
    if facts["held"]:
        _warn(facts["held"])
    echo(facts["diff"])
    for what, names in facts["newly_asked"].items():
        if names:
            _warn(f"newly requested {what}: {', '.join(names)}")


def _warn(line: str) -> None:
    from sia_tui.cli.console import console

    console(markup=False, soft_wrap=True).print(plain(line), style="bold red")
