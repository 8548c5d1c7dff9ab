"""Starting runs: on a domain, as a branch, as a fork, and as a fork with an edited harness."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sia_tui.app.actions import engine_start, setting_fields
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.screens.form_field import FormField, Values
from sia_tui.app.screens.main import MainScreen
from sia_tui.cli.formats import plural

if TYPE_CHECKING:
    from engine.events import types as t
    from engine.trust import Place
    from sia_tui.app.screens.form import Form
    from sia_tui.app.screens.picker import Picker


async def start(main: MainScreen) -> None:
    """Asks for a domain and its settings, and starts a run."""
    from engine import user_settings
    from engine.events.types import AGENT_MINUTES, AGENT_TOKENS
    from engine.grading.loader import find

    usual = user_settings.read(main.navigator.sources.workspace.path).settings
    cursor = main.navigator.cursor
    default = cursor.snapshot.state.domain.source if cursor and cursor.n else "lawbench"
    with main.opening():
        picker = await _domain_picker(default)
    domain = await main.app.push_screen_wait(picker)
    if not domain:
        return
    spec = find(domain).spec
    intro = [
        spec.title,
        f"Metric: {spec.metric}. Smallest gain that counts: {spec.minimum_effect:g}. "
        f"Train instances in each generation: {spec.train_sample}.",
    ]
    at_first = {
        "generations": "8",
        "seed": "1",
        "probes": str(spec.probes),
        "proposals": "1",
        "rotate": "0",
        "tune": "0",
    }
    chosen = {name: getattr(usual, name) for name in ("agent", "agent_model", "model", "lever", "trainer", "approve")}
    agent = {"agent_tokens": str(AGENT_TOKENS), "agent_minutes": f"{AGENT_MINUTES:g}"}
    fields = setting_fields.new_run_fields(at_first | chosen | agent, usual.budget)
    fields[0] = fields[0]._replace(hint=f"empty: {spec.name} and a number")
    # a folder that the log suggested was not named by the user
    suggested = named_by_log(cursor) if cursor and domain == default else []

    def command(values: Values) -> list[str]:
        return ["run", domain, *options(values)]

    await main.app.push_screen_wait(engine_form(main, f"new run on {spec.name}", intro, fields, command, suggested))


async def _domain_picker(default: str) -> Picker:
    from engine.grading.loader import built_in, find
    from sia_tui.app.screens.picker import Offered, Picker

    def offer() -> list[Offered]:
        here = sorted(one.parent.name for one in Path().glob("*/domain.toml"))
        return [
            *(Offered(name, find(name).spec.title) for name in built_in()),
            *(Offered(f"./{name}", "a task in this folder") for name in here),
        ]

    offered = await asyncio.to_thread(offer)
    hint = "a name, or a folder with a domain.toml · ↑ ↓ choose · tab complete · enter Next · esc Cancel"
    return Picker("Domain of the new run", hint, offered, default, find)


def engine_form(
    main: MainScreen,
    title: str,
    intro: list[str],
    fields: list[FormField],
    command: Callable[[Values], list[str]],
    code: list[Place],
    check: Callable[[Values], object] | None = None,
) -> Form:
    """A form that starts an engine with the command line of its values."""
    from sia_tui.app.screens.form import Form

    async def submit(values: Values) -> bool:
        return await engine_start.start_engine(main, command(values), code)

    return Form(title, intro, fields, check, command=command, submit=submit)


async def branch(main: MainScreen) -> None:
    """Starts a run whose incumbent is the candidate of the current generation."""
    cursor, n = main.navigator.cursor, main.navigator.current_generation
    if cursor is None or n is None:
        return
    state = cursor.snapshot.state
    intro = [f"A new run from the candidate of generation {n} of {state.name}, which does not change."]
    parent = ["branch", *_parent(cursor), "--generation", str(n)]
    await main.app.push_screen_wait(
        _settings_form(main, f"branch from generation {n}", intro, cursor, state.settings, n + 1, parent)
    )


async def fork(main: MainScreen, harness: Path | None = None) -> bool:
    """Starts a run that shares the events up to the current one; `harness` becomes its next candidate.

    True once the run is there, which has read the harness by then.
    """
    cursor, at = main.navigator.cursor, main.navigator.current_event
    if cursor is None or at is None:
        return False
    state = cursor.outline.at(at)
    intro = [f"A new run that shares the first {plural(at, 'event')} of {state.name}, which does not change."]
    if harness is not None:
        intro.append("The edited harness is its next candidate.")
    next_generation = (state.current.n if state.current else 0) + 1
    parent = ["fork", *_parent(cursor), "--at", str(at), *(["--harness", str(harness)] if harness else [])]
    form = _settings_form(main, f"fork at event {at:,}", intro, cursor, state.settings, next_generation, parent)
    return await main.app.push_screen_wait(form) is not None


async def edit_and_fork(main: MainScreen) -> None:
    """Opens the current generation's harness in the editor, and forks with the edited one."""
    from sia_tui.app.screens.harness_editor import Edited, HarnessEditor

    cursor, n = main.navigator.cursor, main.navigator.current_generation
    if cursor is None or n is None:
        return
    version = cursor.snapshot.state.versions.get(n)
    if version is None:
        main.notify(f"Candidate {n} has no harness yet", severity="warning")
        return
    files = {path: cursor.source.reader.blob(name) for path, name in version.files.items()}
    edited: Edited | None = await main.app.push_screen_wait(HarnessEditor(f"candidate {n}", files, "Fork with it"))
    if edited is None:
        return
    if await fork(main, edited.folder):
        shutil.rmtree(edited.folder, ignore_errors=True)
    else:
        main.notify(f"The edited files stay in {edited.folder}", markup=False)


def named_by_log(cursor: RunCursor) -> list[Place]:
    """The code, data, models and servers that the log of the selected run names."""
    from engine.run.named_paths import named_by

    return named_by(cursor.snapshot.state)


def options(values: Values) -> list[str]:
    """Values as options of the command line."""
    return [part for name, value in values.items() for part in (f"--{name}", value)]


def _settings_form(
    main: MainScreen,
    title: str,
    intro: list[str],
    cursor: RunCursor,
    settings: t.Settings,
    next_generation: int,
    parent: list[str],
) -> Form:
    """The settings that a child may change, with enough generations suggested to execute `next_generation`."""
    if cursor.source.sealed:
        intro = [*intro, f"Its history is imported into the workspace from {cursor.source.path.name}."]
    suggested = {"generations": str(next_generation)} if settings.generations < next_generation else {}
    fields = setting_fields.child_fields(settings, suggested)

    def command(values: Values) -> list[str]:
        return [*parent, *_changes(values, fields)]

    return engine_form(main, title, intro, fields, command, named_by_log(cursor), _check(settings, fields))


def _check(settings: t.Settings, fields: list[FormField]) -> Callable[[Values], object]:
    from engine.loop.fork import change_settings

    return lambda values: change_settings(settings, assignments(values, fields))


def _parent(cursor: RunCursor) -> list[str]:
    return [cursor.run_id, *(["--from", str(cursor.source.path)] if cursor.source.sealed else [])]


def _changes(values: Values, fields: list[FormField]) -> list[str]:
    name = ["--name", values["name"]] if values.get("name") else []
    return [*name, *(part for one in assignments(values, fields) for part in ("--set", one))]


def assignments(values: Values, fields: list[FormField]) -> list[str]:
    """The changed settings as `key=value`; an emptied number is no number."""
    rules = {field.name: field.rule for field in fields}
    texts = {key: value if value or rules[key] is str else "null" for key, value in values.items() if key != "name"}
    return [f"{key}={text}" for key, text in texts.items()]
