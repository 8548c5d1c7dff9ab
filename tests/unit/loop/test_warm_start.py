"""A warm start tries what did best in earlier runs first, measures it anew, and needs those runs no more."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.failure import Failure
from engine.loop.earlier_runs import MOST, OF_A_RUN, known_values, told
from engine.run.workspace import Workspace
from tests.histories import started
from tests.story import TOY, ran, sia


def probe(skill: int, score: float) -> t.ProbeFinished:
    return t.ProbeFinished(1, 0, 0, "a try", {"skill": skill}, "a fold", t.Score(score, 0.1, 3), 3, 0.1, 0.1, "key")


def record(workspace: Path, run: str, probes: list[t.ProbeFinished], domain: str = "toy") -> None:
    first = started()
    with contextlib.closing(RunLog.hold(workspace, run)) as log:
        log.append([(0, replace(first, name=f"{run}-name", domain=replace(first.domain, name=domain)))])
        log.append([(1, one) for one in probes])


def test_the_best_of_each_run_of_the_domain_are_known_the_newest_run_first(workspace: Path) -> None:
    record(workspace, "r1", [probe(1, 0.1), probe(2, 0.9), probe(3, 0.5), probe(4, 0.4)])
    record(workspace, "r2", [probe(5, 0.2), probe(2, 0.3)])
    record(workspace, "r3", [probe(6, 0.99)], domain="another")
    known = known_values(Workspace(workspace), "toy")
    assert [(one.run, one.params["skill"], one.score) for one in known] == [
        ("r2", 2, 0.3), ("r2", 5, 0.2), ("r1", 3, 0.5), ("r1", 4, 0.4),
    ]  # fmt: skip
    assert known[0].name == "r2-name"


def test_what_failed_was_refused_or_stopped_early_is_not_known(workspace: Path) -> None:
    bad = [
        replace(probe(1, 0.9), failure=Failure("candidate", "it raised")),
        replace(probe(2, 0.9), refused=True),
        replace(probe(3, 0.9), stopped=t.Stopped(1, 3, "key", 1.0, 1.0)),
    ]
    record(workspace, "r1", [*bad, probe(4, 0.1)])
    assert [one.params["skill"] for one in known_values(Workspace(workspace), "toy")] == [4]


def test_of_a_program_that_declares_nothing_values_of_the_first_one_are_known(workspace: Path) -> None:
    """A new run begins with that one; changes of a later one lead nowhere from it."""
    first, later = ({"skill": n, "(program)": "p", "(change 1)": "line 1: `a` becomes `b`"} for n in (1, 2))
    late = replace(probe(0, 0.9), params=later, generation=2)
    record(workspace, "r1", [replace(probe(0, 0.5), params=first), late])
    assert [one.params for one in known_values(Workspace(workspace), "toy")] == [first]


def test_what_a_warm_start_begins_with_is_said() -> None:
    known = [t.Known("r1", "one", {"skill": 1}, 0.5), t.Known("r1", "one", {"skill": 2}, 0.4), t.Known("r2", "", {}, 0)]
    assert told(known, "toy") == "first come the best values of one, r2"
    assert told([], "toy") == "no earlier run of toy here has values to try"


def test_so_many_are_known_at_most_and_none_without_a_log(workspace: Path, tmp_path: Path) -> None:
    assert known_values(Workspace(tmp_path / "nowhere"), "toy") == []
    for number in range(MOST):
        record(workspace, f"r{number}", [probe(10 * number + turn, 0.5) for turn in range(OF_A_RUN + 1)])
    assert len(known_values(Workspace(workspace), "toy")) == MOST


def test_another_agent_than_search_is_told_to_take_no_values(tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text("[[decision]]\nreason = 'more'\nparams = { skill = 10 }\n")
    words = ["--generations", "1", "--warm-start", "--headless", "--agent", f"script:{tmp_path / 'script.toml'}"]
    done = subprocess.run(sia(tmp_path / "w", "run", str(TOY), *words), capture_output=True, text=True, check=True)
    assert "a warm start is for the search agent" in done.stdout + done.stderr


@pytest.mark.parametrize("warm", [True, False])
def test_a_warm_run_tries_first_what_was_known_and_replays_without_it(tmp_path: Path, warm: bool) -> None:
    ran(tmp_path, "run", str(TOY), "--generations", "2", "--seed", "2", "--probes", "8", "--name", "earlier")
    flag = ["--warm-start"] if warm else []
    ran(tmp_path, "run", str(TOY), "--generations", "2", "--seed", "3", "--probes", "4", "--name", "later", *flag)
    with contextlib.closing(Reader.open(tmp_path / "events.db")) as reader:
        (later,) = (row.run for row in reader.runs() if row.name == "later")
        events = [event.payload for event in reader.own(later)]
    first = next(one for one in events if isinstance(one, t.RunStarted))
    tried = [one.why for one in events if isinstance(one, t.ProbeFinished)]
    assert tried[0] == "the incumbent, to compare with"
    assert {one.name for one in first.known} == ({"earlier"} if warm else set())
    assert all(why.startswith("the best of run earlier, where it scored") == warm for why in tried[1:2])
    ran(tmp_path, "rm", "earlier", "--yes")
    assert '"identical": true' in ran(tmp_path, "replay", "later", "--verify", "--json")
