"""Starting runs: on a domain, as a branch, as a fork, and as a fork with an edited harness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sia_tui.app.actions import engine_start
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.screens.dialogs import Prompt
from sia_tui.app.screens.form import Form, FormField, Values
from sia_tui.app.screens.main import MainScreen
from sia_tui.cli.formats import plural

if TYPE_CHECKING:
    from engine.events import types as t
    from engine.trust import Place
    from engine.user_settings import BudgetSettings


async def start(main: MainScreen) -> None:
    """Asks for a domain and its settings, and starts a run."""
    from engine import user_settings
    from engine.grading.loader import find

    usual = user_settings.read(main.navigator.sources.workspace.path).settings
    cursor = main.navigator.cursor
    default = cursor.snapshot.state.domain.source if cursor and cursor.n else "lawbench"
    hint = "the name of a built-in domain (`sia domains` lists them), or a folder"
    domain = await main.app.push_screen_wait(Prompt("Domain of the new run", hint, default, check=find))
    if not domain:
        return
    spec = find(domain).spec
    intro = [
        spec.title,
        f"Metric: {spec.metric}. Smallest gain that counts: {spec.minimum_effect:g}. "
        f"Train instances in each generation: {spec.train_sample}.",
    ]
    fields = [
        FormField("generations", "8", "how many candidates are executed"),
        FormField("seed", "1"),
        FormField("agent", usual.agent, "search, claude, openai, local, claude-code, codex, ..."),
        FormField("lever", usual.lever),
        FormField("approve", usual.approve, "none, jumps, harness, weights or all"),
        FormField("probes", "12", "proposals that one Improvement tries"),
        *(FormField(f"budget-{what}", "", _cap(usual.budget, what)) for what in ("evaluations", "minutes", "usd")),
        FormField("data", "", "the domain's own"),
        FormField("name", "", f"automatic: {spec.name}-1, or the next number"),
    ]
    values = await main.app.push_screen_wait(Form(f"new run on {spec.name}", intro, fields))
    if values is not None:
        # a folder that the log suggested was not named by the user
        suggested = named_by_log(cursor) if cursor and domain == default else []
        await engine_start.start_engine(main, ["run", domain, *options(values)], suggested)


def _cap(usual: BudgetSettings, what: str) -> str:
    cap = getattr(usual, what)
    return "no limit" if cap is None else f"{cap:g}, from your settings"


async def branch(main: MainScreen) -> None:
    """Starts a run whose incumbent is the candidate of the current generation."""
    cursor, n = main.navigator.cursor, main.navigator.current_generation
    if cursor is None or n is None:
        return
    state = cursor.snapshot.state
    intro = [f"A new run from the candidate of generation {n} of {state.name}, which does not change."]
    form = _settings_form(f"branch from generation {n}", intro, cursor, state.settings, n + 1)
    values = await main.app.push_screen_wait(form)
    if values is not None:
        await engine_start.start_engine(
            main, ["branch", *_parent(cursor), "--generation", str(n), *_changes(values)], named_by_log(cursor)
        )


async def fork(main: MainScreen, harness: Path | None = None) -> None:
    """Starts a run that shares the events up to the current one; `harness` becomes its next candidate."""
    cursor, at = main.navigator.cursor, main.navigator.current_event
    if cursor is None or at is None:
        return
    state = cursor.outline.at(at)
    intro = [f"A new run that shares the first {plural(at, 'event')} of {state.name}, which does not change."]
    if harness is not None:
        intro.append("The edited harness is its next candidate.")
    next_generation = (state.current.n if state.current else 0) + 1
    form = _settings_form(f"fork at event {at:,}", intro, cursor, state.settings, next_generation)
    values = await main.app.push_screen_wait(form)
    if values is not None:
        edited = ["--harness", str(harness)] if harness else []
        await engine_start.start_engine(
            main, ["fork", *_parent(cursor), "--at", str(at), *edited, *_changes(values)], named_by_log(cursor)
        )


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
    if edited is not None:
        await fork(main, edited.folder)


def named_by_log(cursor: RunCursor) -> list[Place]:
    """The code, data, models and servers that the log of the selected run names."""
    from engine.run.named_paths import named_by

    return named_by(cursor.snapshot.state)


def options(values: Values) -> list[str]:
    """Values as options of the command line."""
    return [part for name, value in values.items() for part in (f"--{name}", value)]


def _settings_form(title: str, intro: list[str], cursor: RunCursor, settings: t.Settings, next_generation: int) -> Form:
    """The settings that a child may change, with enough generations suggested to execute `next_generation`."""
    from engine.loop.fork import FIXED
    from engine.queries.settings_origin import flat

    if cursor.source.sealed:
        intro = [*intro, f"Its history is imported into the workspace from {cursor.source.path.name}."]
    suggested = {"generations": str(next_generation)} if settings.generations < next_generation else {}
    fields = [FormField("name", "", "automatic")]
    for key, value in flat(settings).items():
        if key.split(".")[0] not in FIXED:
            fields.append(FormField(key, "" if value is None else str(value), suggestion=suggested.get(key, "")))
    return Form(title, intro, fields, _check(settings))


def _check(settings: t.Settings) -> Callable[[Values], object]:
    from engine.loop.fork import change_settings

    return lambda values: change_settings(
        settings, [f"{key}={value}" for key, value in values.items() if key != "name"]
    )


def _parent(cursor: RunCursor) -> list[str]:
    return [cursor.run_id, *(["--from", str(cursor.source.path)] if cursor.source.sealed else [])]


def _changes(values: Values) -> list[str]:
    name = ["--name", values["name"]] if values.get("name") else []
    return [*name, *(part for key, value in values.items() if key != "name" for part in ("--set", f"{key}={value}"))]
