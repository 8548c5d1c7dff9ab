"""What a person does to runs from the main screen: each ends as the events that the command line writes.

New runs, resumed runs and readings of the test split are engines started through the command line; a wish to a live
engine goes over its socket, as `sia pause` sends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import SiaError
from engine.loop.approval import give
from engine.loop.control_socket import Request, send
from engine.loop.fork import FIXED, changed
from engine.queries.settings_origin import flat
from sia_tui.app.screens.approval import Word, WordScreen
from sia_tui.app.screens.form import Field, Form, Values
from sia_tui.app.screens.harness_editor import Edited, EditScreen
from sia_tui.app.screens.questions import Confirm, Prompt
from sia_tui.cli.engines import Starting

if TYPE_CHECKING:
    from engine.events import types as t
    from sia_tui.app.navigator.run_cursor import Watching
    from sia_tui.app.screens.main import MainScreen

BY = "a person"
WISH_TRIES, WISH_S = 20, 0.25


async def launch(main: MainScreen, arguments: Sequence[str]) -> bool:
    """Starts an engine and watches its run; whether there is one. While it comes up, what it says is shown."""
    try:
        starting = await asyncio.to_thread(Starting, arguments, main.sia.workspace.path)
        said = ""
        while (run := await asyncio.to_thread(starting.wait, 0.2)) is None:
            said = (starting.output().strip().splitlines() or [said])[-1]
            main.sia.note = f"starting ... {said}"
            main.refresh_run()
    except (SiaError, OSError) as error:
        main.fail(error if isinstance(error, SiaError) else SiaError(f"no engine could be started ({error})"))
        return False
    finally:
        main.sia.note = ""
    main.attach(run)
    return True


async def branch(main: MainScreen) -> None:
    """A new run whose incumbent is the candidate of the generation that is selected."""
    watching, n = main.watching, main.generation_here
    if watching is None or n is None:
        return
    state = watching.moment.state
    intro = [f"A new run from the candidate of generation {n} of {state.name}; {state.name} is not touched."]
    said = await main.app.push_screen_wait(
        Form(f"branch from generation {n}", _origin(watching, intro), _fields(state.set, n + 1), _check(state.set))
    )
    if said is not None:
        await launch(main, ["branch", *_parent(watching), "--generation", str(n), *_changes(said)])


async def fork(main: MainScreen, harness: Path | None = None) -> None:
    """A new run that shares the events up to the one under the cursor, or up to the one that is seen."""
    watching = main.watching
    if watching is None:
        return
    at = main.timeline.event if main.panes[1].has_focus else None
    at = at or watching.n
    state = watching.outline.at(at)
    intro = [f"A new run that shares the first {at:,} events of {state.name}; {state.name} is not touched."]
    if harness is not None:
        intro.append("The edited harness is its next candidate.")
    following = (state.current.n if state.current else 0) + 1
    said = await main.app.push_screen_wait(
        Form(f"fork at event {at:,}", _origin(watching, intro), _fields(state.set, following), _check(state.set))
    )
    if said is not None:
        edited = ["--harness", str(harness)] if harness else []
        await launch(main, ["fork", *_parent(watching), "--at", str(at), *edited, *_changes(said)])


async def edit(main: MainScreen) -> None:
    """The harness of the generation that is selected, in a scratch folder; then a fork from what became of it."""
    watching, n = main.watching, main.generation_here
    if watching is None or n is None:
        return
    version = watching.moment.state.versions.get(n)
    if version is None:
        main.notify(f"candidate {n} is not written yet", severity="warning")
        return
    files = {path: watching.source.reader.blob(name) for path, name in version.files.items()}
    edited: Edited | None = await main.app.push_screen_wait(EditScreen(f"candidate {n}", files, "fork from it"))
    if edited is not None:
        await fork(main, edited.folder)


async def new(main: MainScreen) -> None:
    """A run on a domain, from a form with the domain's defaults."""
    from engine.grading.loader import find

    usual = main.watching.moment.state.task.source if main.watching and main.watching.n else "lawbench"
    domain = await main.app.push_screen_wait(
        Prompt("a new run on", "a built-in's name (`sia domains` lists them) or a folder", usual, check=find)
    )
    if not domain:
        return
    spec = find(domain).spec
    intro = [
        spec.title,
        f"judged by {spec.metric}; a gain counts from {spec.minimum_effect:g}; "
        f"{spec.train_sample} instances of train are looked at in each generation",
    ]
    fields = [
        Field("generations", "8", "how many candidates are executed"),
        Field("seed", "1"),
        Field("agent", "search", "search, or script:FILE"),
        Field("lever", "auto"),
        Field("approve", "none", "none, harness, weights or all"),
        Field("probes", "12", "proposals tried in one Improvement"),
        Field("budget-evaluations", "", "no cap"),
        Field("budget-minutes", "", "no cap"),
        Field("budget-usd", "", "no cap"),
        Field("data", "", "the domain's own"),
        Field("name", "", f"{spec.name}-1, or the next free number"),
    ]
    said = await main.app.push_screen_wait(Form(f"a new run on {spec.name}", intro, fields))
    if said is not None:
        await launch(main, ["run", domain, *(part for key, value in said.items() for part in (f"--{key}", value))])


async def pause(main: MainScreen) -> None:
    """Asks a live engine to rest; goes on with a run that rests."""
    watching = main.watching
    if watching is None:
        return
    if main.status == "running":
        await _wish(main, watching, Request("pause", BY))
        return
    state = watching.moment.state
    more: list[str] = []
    if state.status == "finished":
        caps = state.set.budget
        said = await main.app.push_screen_wait(
            Form(
                f"{state.name} is finished",
                ["It goes on with more generations, or a larger budget."],
                [
                    Field("generations", str(state.set.generations)),
                    Field("budget-evaluations", _shown(caps.evaluations), "no cap"),
                    Field("budget-minutes", _shown(caps.minutes), "no cap"),
                    Field("budget-usd", _shown(caps.usd), "no cap"),
                ],
            )
        )
        if not said:
            return
        more = [part for key, value in said.items() for part in (f"--{key}", value)]
    await launch(main, ["resume", watching.run, *more])


async def stop(main: MainScreen) -> None:
    """Ends a live run, after a word."""
    watching = main.watching
    if watching is None:
        return
    state = watching.moment.state
    open_step = state.open_step
    what = [f"{state.name} ends after event {watching.outline.head:,}; `sia resume` can take it up again"]
    if open_step:
        what.append(f"the step {open_step.kind} is given up; its {open_step.evaluations} results are kept")
    if await main.app.push_screen_wait(Confirm(f"Stop {state.name}?", what)):
        await _wish(main, watching, Request("stop", BY))


async def approve(main: MainScreen) -> None:
    """A word on the candidate that waits."""
    watching = main.watching
    if watching is None:
        return
    moment = watching.moment
    number = moment.state.asked
    if number is None:
        return
    word: Word | None = await main.app.push_screen_wait(WordScreen(moment, number))
    if word is None:
        return
    commit = moment.state.versions[number].commit
    folder = ""
    if word.answer == "edit":
        files = {path: moment.reader.blob(name) for path, name in moment.state.versions[number].files.items()}
        edited: Edited | None = await main.app.push_screen_wait(
            EditScreen(f"candidate {number}", files, "put it in place")
        )
        if edited is None:
            return
        folder = str(edited.folder)
    request = Request(word.answer, BY, word.reason, folder, commit)
    try:
        name = await asyncio.to_thread(give, main.sia.workspace, watching.run, request)
    except SiaError as error:
        main.fail(error)
        return
    main.notify(f"candidate {number} of {name}: {word.answer}", markup=False)


async def unseal(main: MainScreen) -> None:
    """Reads the test split, after a word: it is counted, and never undone."""
    watching = main.watching
    if watching is None:
        return
    state = watching.moment.state
    n = state.task.counts.get("test", 0)
    what = [
        f"{n:,} test instances are put to the candidate of generation {state.incumbent}, and to the baselines",
        f"it was read {state.unsealed} time{'s' * (state.unsealed != 1)} before in this lineage; this is counted",
        "each reading makes the next one worth less, and none can be undone",
    ]
    if await main.app.push_screen_wait(Confirm(f"Unseal the test split of {state.task.name}?", what)):
        await launch(main, ["test", watching.run])


async def _wish(main: MainScreen, watching: Watching, request: Request) -> None:
    for _ in range(WISH_TRIES):  # an engine that has just taken its run up does not listen yet
        if await asyncio.to_thread(send, main.sia.workspace.path, watching.run, request):
            main.notify(f"asked to {request.wish}")
            return
        await asyncio.sleep(WISH_S)
    main.fail(SiaError("no engine answers", "wait a moment, or press p to go on with the run"))


def _origin(watching: Watching, intro: list[str]) -> list[str]:
    if watching.source.sealed:
        return [*intro, f"Its history is imported into the workspace from {watching.source.path.name}."]
    return intro


def _parent(watching: Watching) -> list[str]:
    sealed = ["--from", str(watching.source.path)] if watching.source.sealed else []
    return [watching.run, *sealed]


def _fields(settings: t.Settings, following: int) -> list[Field]:
    """The settings that may be changed; enough generations are offered that generation `following` is executed."""
    more = str(following) if settings.generations < following else ""
    kept = {key: value for key, value in flat(settings).items() if key.split(".")[0] not in FIXED}
    offered = {"generations": more}
    return [
        Field("name", "", "the next free one"),
        *(Field(key, _shown(value), offered=offered.get(key, "")) for key, value in kept.items()),
    ]


def _check(settings: t.Settings) -> Callable[[Values], object]:
    def check(values: Values) -> None:
        changed(settings, [f"{key}={value}" for key, value in values.items() if key != "name"])

    return check


def _changes(values: Values) -> list[str]:
    name = ["--name", values["name"]] if values.get("name") else []
    return [*name, *(part for key, value in values.items() if key != "name" for part in ("--set", f"{key}={value}"))]


def _shown(value: object) -> str:
    return "" if value is None else str(value)
