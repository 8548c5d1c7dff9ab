"""How each sentence about tasks, settings, runs and the app is provoked, by the function that says it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner

from engine import domain_files
from engine.agents.protocol import NoProposal
from engine.agents.scripted import parse_script
from engine.checkout import plots
from engine.core.effects import Effects
from engine.core.settings import check_form, check_name
from engine.errors import SiaError
from engine.evaluation import harness_packages, verifier_noise
from engine.failure import Failure, StepFailure
from engine.grading import fetch
from engine.grading.client import GraderFailed
from engine.grading.loader import find
from engine.importers.formats import recognise
from engine.importers.source_text import source_text
from engine.models.calling import BudgetExceeded
from engine.queries import what_if
from engine.run import domain_session, options
from engine.steps import talk
from engine.user_settings import _of_workspace, own
from harness_repo.harness import parse
from sia_tui.app import preferences
from sia_tui.app.actions import engine_start, run_control
from sia_tui.app.model.event_filter import parse_filter
from sia_tui.app.navigator.position import parse_position
from sia_tui.app.screens.harness_editor import HarnessEditor
from sia_tui.cli.figures import pictures
from sia_tui.commands.tasks import adopt
from sia_tui.main import cli
from tests.agent_tools import view
from tests.histories import Memory, Play
from tests.story import TOY

Patch = pytest.MonkeyPatch
Provoke = Callable[[Path, Patch], Any]
CURSOR: Any = SimpleNamespace(head=9, start_time=0, last_of_generation=lambda n: None)
SPEC = 'name = "d"\ntitle = ""\nmetric = ""\nminimum_effect = 0.1\ntrain_sample = 1\n'


def _written(place: Path, **files: str) -> Path:
    """The folder with these files; `_` in a name stands for the point before its suffix."""
    for name, text in files.items():
        stem, _, suffix = name.rpartition("_")
        (place / f"{stem}.{suffix}").write_text(text)
    return place


def _preferences(text: str) -> Provoke:
    def provoke(place: Path, patch: Patch) -> None:
        patch.setenv("SIA_TUI_CONFIG", str(_written(place, tui_toml=text) / "tui.toml"))
        preferences.read({"quit"}, {"dark"})

    return provoke


def _kept(place: Path, patch: Patch) -> None:
    patch.setenv("SIA_TUI_CONFIG", str(_written(place, tui_toml="theme = ") / "tui.toml"))
    preferences.keep_theme("nord")


def _described(error: Exception | None = None, **counts: int) -> Provoke:
    """Opens a domain whose process says this."""

    def provoke(place: Path, patch: Patch) -> None:
        grader = mock.AsyncMock()
        grader.describe.side_effect = [error or ("digest", {"train": 1, "val": 1, "test": 1} | counts, "title")]
        patch.setattr(domain_session, "Grader", lambda *_: grader)
        asyncio.run(domain_session.describe(find(str(TOY)), None, lambda _: None))

    return provoke


def _without_module(place: Path, patch: Patch) -> None:
    folder = find(str(_written(place, domain_toml=SPEC)))
    asyncio.run(domain_session.describe(folder, None, lambda _: None))


def _slow_fetch(place: Path, patch: Patch) -> None:
    patch.setattr(fetch, "WALL_S", 0.0)
    asyncio.run(fetch.fetch(find(str(TOY)), None, lambda _: None))


def _pictures(place: Path, patch: Patch) -> None:
    checkout = mock.Mock()
    grader = mock.AsyncMock(draws=mock.AsyncMock(return_value=True))
    grader.plots.side_effect = GraderFailed("no axes")

    @contextlib.asynccontextmanager
    async def opened(*_: Any) -> AsyncIterator[Any]:
        yield grader

    patch.setattr(plots, "load_all", lambda *_: [checkout, checkout])
    patch.setattr(plots, "domain_of", opened)
    patch.setattr(plots, "choose_isolation", lambda **_: None)
    patch.setattr(plots, "_answer_again", mock.AsyncMock())
    patch.setattr(plots, "_points", lambda _: {})
    asyncio.run(plots.picture(mock.Mock(), mock.Mock(), place, lambda _: None, workspace=place))


def _undrawn(place: Path, patch: Patch) -> None:
    play = Play(Memory())
    reader = mock.Mock(outline=lambda _: play.log.events, history=lambda _: play.log.events)
    pictures.write(reader, mock.Mock(), play.state, place)


def _ungraded(place: Path, patch: Patch) -> None:
    failed = mock.Mock()
    failed.answer.failure.message = "no submission"
    task = mock.Mock(missing=["numpy"], models=[])
    patch.setattr(adopt, "_recognise", lambda _: task)
    patch.setattr("engine.run.domain_session.choose_isolation", lambda **_: None)
    patch.setattr("engine.evaluation.verifier_noise.grade_files", mock.AsyncMock(return_value=failed))
    patch.setattr("engine.grading.loader.find", mock.Mock())
    patch.setattr(adopt, "_files", lambda *_: {})
    call: Any = adopt.adopt.callback
    call(
        folder=place,
        wants_packages=False,
        submission=place,
        unsafe=True,
        workspace=place,
        as_json=False,
        headless=True,
        debug=False,
        announce_fd=None,
    )


def _no_engine(place: Path, patch: Patch) -> None:
    def fail(error: SiaError) -> None:
        raise error

    patch.setattr(run_control, "TRIES", 0)
    asyncio.run(run_control._request(mock.Mock(fail=fail), mock.Mock(), "pause"))


def _large(place: Path, patch: Patch) -> None:
    patch.setattr(domain_files, "MOST_MB", -1)
    domain_files.files(_written(place, data_txt="x"))


def _no_process(place: Path, patch: Patch) -> None:
    def fail(error: SiaError) -> None:
        raise error

    def refuse(*_: Any, **__: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    patch.setattr("sia_tui.cli.processes.engine_process.EngineProcess", refuse)
    patch.setattr(engine_start, "_trusts", mock.AsyncMock(return_value=True))
    main = mock.Mock(fail=fail, note="")
    asyncio.run(engine_start.start_engine(main, ["resume", "r"]))


def _no_browser(place: Path, patch: Patch) -> None:
    patch.setitem(sys.modules, "sia_tui.cli.processes.browser_server", None)
    CliRunner().invoke(cli, ["serve", "--workspace", str(place)], catch_exceptions=False, standalone_mode=False)


def _uninstalled(place: Path, patch: Patch) -> None:
    folder = mock.Mock()
    folder.adopted = mock.Mock(models=[], missing=["a_module_of_nobody"], noise=None)
    verifier_noise.check_first(folder, "")


NEEDS = b'name = "mine"\ncommand = ["./mine.sh"]\npackages = ["a-package-of-nobody>=1"]\n'


def _without_packages(place: Path, patch: Patch) -> None:
    harness_packages.check(parse({"harness.toml": NEEDS, "mine.sh": b""}), place)


def _setting(place: Path, patch: Patch) -> None:
    patch.setenv("SIA_RETRIES", "many")
    own()


def _talk(found: Any, generations: tuple[int, ...] = (1,)) -> Provoke:
    """A question, to which the agent's conversation leads to `found`: an answer, or an error."""

    def provoke(place: Path, patch: Patch) -> None:
        for name in ("make_view", "LiveRunRecord", "StepTools", "Tryouts"):
            patch.setattr(talk, name, mock.Mock(return_value=view()))
        patch.setattr(talk.talk, "answer", mock.AsyncMock(side_effect=[found]))
        patch.setattr(talk.contextlib, "closing", contextlib.nullcontext)
        state = SimpleNamespace(generations=generations, generation=1, name="x", n=1, hints=(), notebook="")
        run: Any = SimpleNamespace(state=state, effects=Effects(), domain=mock.AsyncMock())
        asyncio.run(talk.ask(run, "why?", "ada"))

    return provoke


PROVOKED: dict[str, Provoke] = {
    "… has no candidate to talk about yet": _talk(None, ()),
    "the agent did not answer (…)": _talk(StepFailure(Failure("infrastructure", "it is overloaded"))),
    "the agent gave no answer: …": _talk(NoProposal("it calls no tool")),
    "… cannot pay for an answer: …": _talk(BudgetExceeded("usd", 1.0, 1.0)),
    "the engine did not start (…)": _no_process,
    "the app in a browser needs textual-serve, which is not installed": _no_browser,
    "the task in … needs what is not installed: …": _uninstalled,
    "the harness in … needs packages that are not installed: …": _without_packages,
    "the setting … is not valid: … (…)": _setting,
    "… has an unknown … …": _preferences('theme = "pink"\n'),
    "… does not keep the theme (…)": _kept,
    "a quotation mark is not closed": lambda place, patch: parse_filter('"gen:3'),
    "… is not a kind of failure": lambda place, patch: parse_filter("failed:nonsense"),
    "the score in … is not a number": lambda place, patch: parse_filter("score<abc"),
    "… is not a number or a range": lambda place, patch: parse_filter("gen:three"),
    "there is no event …": lambda place, patch: parse_position(CURSOR, "10"),
    "this run has no generation …": lambda place, patch: parse_position(CURSOR, "g7"),
    "… is not a position in this run": lambda place, patch: parse_position(CURSOR, "noon"),
    "no engine answers": _no_engine,
    "… cannot be opened: …": lambda place, patch: HarnessEditor("candidate 1", {"../agent.py": b""}, "Execute it"),
    "… holds more than … MB": _large,
    "… has no domain.py": _without_module,
    "… cannot be graded: …": _ungraded,
    "the configuration in … is not valid: …": lambda place, patch: recognise(
        _written(place, evaluator_py="", initial_program_py="", config_yaml="evaluator: {timeout: soon}")
    ),
    "… cannot be read: …": lambda place, patch: source_text(_written(place, a_py="# coding: martian\n") / "a.py"),
    "… is not valid: …": lambda place, patch: find(str(_written(place, domain_toml="name = 3\n"))),
    "the domain … cannot be opened: …": _described(GraderFailed("ValueError: x")),
    "the domain … has an empty split (…)": _described(val=0),
    "the data of … could not be fetched within … s": _slow_fetch,
    "the pictures could not be drawn: …": _pictures,
    "… cannot be …": lambda place, patch: what_if.parse_rule(["gate.alpha=2"]),
    "… has nothing to draw yet": _undrawn,
    "… is not a rule of the gate": lambda place, patch: what_if.parse_rule(["gate=2"]),
    "the script … cannot be read (…)": lambda place, patch: options.read_script("script:/nowhere/at.toml"),
    "the script is not valid: …": lambda place, patch: parse_script("[[decision]]\nreason = 3\n"),
    "… is not a name for a run": lambda place, patch: check_form("A b"),
    "… is not a name for a run: it stands for one in every command": lambda place, patch: check_name("last"),
    "… is not a name for a run: git refuses it": lambda place, patch: check_form("a.lock"),
    "a name of … letters is too long for a run": lambda place, patch: check_form("a" * 65),
    "… has […], which may name programs and keys, and a workspace may come from anyone": lambda place, patch: (
        _of_workspace(_written(place, sia_toml="[servers.x]\nurl = 'http://127.0.0.1:9'\n") / "sia.toml")
    ),
}
