"""A replay computes again whatever follows, so that even a log whose hashes were made to fit cannot lie about it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.replay import ReplayResult, _instance, states, verify
from engine.core.results import Results
from engine.core.state import State, evolve
from engine.errors import SiaError
from engine.events import types as t
from engine.events.codec import encode
from engine.events.log import RunLog
from engine.events.reader import Reader
from tests.histories import Memory, Play, rehashed, settings, started


@pytest.fixture(scope="module")
def original() -> Memory:
    """Three generations with noise-free scores, one failure, one crash, one barren Improvement, and a test."""
    log = Memory()
    play = Play(
        log, started(settings(budget=t.Budget(evaluations=500))), fails={("analyse", 1, 1)}, crashes={("execute", 1, 1)}
    )
    play.to_rest()
    return log


def replay(log: Memory) -> ReplayResult:
    return verify(log, log.run)  # type: ignore[arg-type]


def forged(
    log: Memory, kind: type[t.Payload], change: Callable[[Any], t.Payload], which: int = 0
) -> tuple[Memory, int]:
    """The log with one payload changed and every hash made to fit, and the number of that event."""
    events = list(log.events)
    at = [i for i, event in enumerate(events) if isinstance(event.payload, kind)][which]
    events[at] = replace(events[at], stored=encode(change(events[at].payload)))
    other = Memory()
    other.events, other.blobs = rehashed(events), log.blobs
    return other, at + 1


def test_an_honest_log_replays_identically(original: Memory) -> None:
    assert replay(original) == ReplayResult(True, len(original.events), None)


class _Unread(dict[int, t.HarnessWritten]):
    """Versions that nobody goes through."""

    def values(self) -> Any:
        raise AssertionError("all versions were looked at")


@pytest.mark.parametrize("noisy", [False, True])
def test_a_result_is_checked_without_looking_at_all_versions(noisy: bool) -> None:
    log, state, checked = Memory(), State(), 0
    Play(log, started(settings(noisy=noisy))).to_rest()
    for event in log.events:
        if isinstance(result := event.payload, t.InstanceFinished):
            now = replace(state, versions=_Unread(state.versions))
            assert _instance(log, now, Results(), event, result) is None  # type: ignore[arg-type]
            checked += 1
        state = evolve(state, event)
    assert checked == 3 * 14 + noisy * 2 * 12


def test_rehashing_alone_changes_nothing(original: Memory) -> None:
    assert rehashed(original.events) == original.events


@pytest.mark.parametrize(
    "options", [{"noisy": True}, {"repeats": 2}, {"noisy": True, "repeats": 2}, {"generations": 1}]
)
def test_other_kinds_of_runs_replay_too(options: dict[str, object]) -> None:
    crashes = {("execute", 2, 1), ("improve", 1, 1)}
    play = Play(Memory(), started(settings(**options)), barren={2}, crashes=crashes, declines={2})
    play.to_rest()
    assert replay(play.log).identical


LIES: dict[str, tuple[type[t.Payload], Callable[[Any], t.Payload]]] = {
    "a verdict turned round": (t.GateDecided, lambda p: replace(p, accepted=not p.accepted)),
    "a better p": (t.GateDecided, lambda p: replace(p, p=p.p / 2)),
    "a looser level": (t.GateDecided, lambda p: replace(p, alpha=0.5)),
    "other words of the gate": (t.GateDecided, lambda p: replace(p, reason="accepted: because")),
    "a digest": (t.ExecutionFinished, lambda p: replace(p, digest="0" * 64)),
    "a mean": (t.ExecutionFinished, lambda p: replace(p, scores=p.scores | {"val": t.Score(0.9, 0.0, 12)})),
    "hidden failures": (t.ExecutionFinished, lambda p: replace(p, failures={"candidate": 1})),
    "fewer evaluations": (t.ExecutionFinished, lambda p: replace(p, evaluations=1)),
    "a rival's score": (t.ExecutionFinished, lambda p: replace(p, incumbent=t.Score(0.0, 0.0, 1))),
    "an answer's seed": (t.InstanceFinished, lambda p: replace(p, seed=p.seed + 1)),
    "an answer of another harness": (t.InstanceFinished, lambda p: replace(p, harness="0" * 40)),
    "the reason of a version": (t.HarnessWritten, lambda p: replace(p, reason="better")),
    "the author of a version": (t.HarnessWritten, lambda p: replace(p, author="me")),
    "the parent of a version": (t.HarnessWritten, lambda p: replace(p, parents=["0" * 40])),
    "the commit of a version": (t.HarnessWritten, lambda p: replace(p, commit="0" * 40)),
    "the number of a version": (t.HarnessWritten, lambda p: replace(p, number=9)),
    "a probe's score": (t.ProbeFinished, lambda p: replace(p, score=t.Score(0.9, 0.0, 3))),
    "the candidate of a generation": (t.GenerationStarted, lambda p: t.GenerationStarted(t.Candidate("0" * 40))),
    "the incumbent of a generation": (t.GenerationFinished, lambda p: t.GenerationFinished(7)),
    "the kind of a step": (t.StepStarted, lambda p: replace(p, kind="improve")),
    "the number of an attempt": (t.StepStarted, lambda p: replace(p, attempt=p.attempt + 1)),
    "which step was abandoned": (t.StepAbandoned, lambda p: replace(p, kind="improve")),
    "which step failed": (t.StepFailed, lambda p: replace(p, attempt=9)),
    "the end": (t.RunFinished, lambda p: replace(p, reason="all 3 generations are done; all is well")),
    "the best": (t.RunFinished, lambda p: replace(p, generation=1)),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_diverges_where_it_was_told_and_shows_both_sides(original: Memory, lie: str) -> None:
    kind, change = LIES[lie]
    last = kind in (t.GateDecided, t.HarnessWritten)  # the first ones have no rival and no parent
    log, n = forged(original, kind, change, -1 if last else 0)
    found = replay(log)
    assert not found.identical
    assert found.diverged_at
    assert found.diverged_at.n == n
    assert found.diverged_at.expected != found.diverged_at.got


@pytest.mark.parametrize("change", [{"score": 0.3}, {"answer": '"other"'}, {"split": "train", "instance": "train-9"}])
def test_a_changed_answer_shows_at_the_digest_of_its_execution(original: Memory, change: dict[str, Any]) -> None:
    def alter(payload: Any) -> t.Payload:
        changed: t.Payload = replace(payload, **change)
        if "instance" in change:
            return replace(changed, seed=seed_of("train-9"))  # type: ignore[call-arg]
        return changed

    log, _ = forged(original, t.InstanceFinished, alter)
    found = replay(log)
    assert found.diverged_at
    assert log.events[found.diverged_at.n - 1].type == "execution.finished"


def seed_of(instance: str) -> int:
    from engine.seeds import derive

    return derive(settings().seed, "instance", instance, 0)


def test_another_seed_of_the_run_shows_at_the_first_answer(original: Memory) -> None:
    log, _ = forged(original, t.RunStarted, lambda p: replace(p, settings=replace(p.settings, seed=8)))
    found = replay(log)
    assert found.diverged_at
    assert log.events[found.diverged_at.n - 1].type == "instance.finished"


def test_another_gate_of_the_run_shows_at_the_first_comparison(original: Memory) -> None:
    log, _ = forged(
        original, t.RunStarted, lambda p: replace(p, settings=replace(p.settings, gate=t.Gate(minimum_effect=0.5)))
    )
    found = replay(log)
    assert found.diverged_at
    assert log.events[found.diverged_at.n - 1].type == "gate.decided"


@pytest.mark.parametrize("kind", ["gate.decided", "generation.started", "step.started", "execution.finished"])
def test_an_event_left_out_is_missed(original: Memory, kind: str) -> None:
    at = next(i for i, event in enumerate(original.events) if event.type == kind)
    log = Memory()
    log.events, log.blobs = rehashed(original.events[:at] + original.events[at + 1 :]), original.blobs
    assert not replay(log).identical


@pytest.mark.parametrize("generation", [0, 2, 99, -1])
@pytest.mark.parametrize("kind", ["instance.finished", "execution.finished", "analysis.finished", "harness.written"])
def test_an_event_moved_to_another_generation_diverges(original: Memory, kind: str, generation: int) -> None:
    events = list(original.events)
    at = next(
        i for i, e in enumerate(events) if e.type == kind and e.generation == (0 if kind == "harness.written" else 1)
    )
    if events[at].generation == generation:
        generation = 5
    events[at] = replace(events[at], generation=generation)
    log = Memory()
    log.events, log.blobs = rehashed(events), original.blobs
    found = replay(log)
    assert found.diverged_at
    assert found.diverged_at.n == at + 1


@pytest.mark.parametrize(
    "event", [t.TestUnsealed("h", t.Score(1, 0, 1), None, [], {}, {}, "x"), t.BaselineMeasured({}, 0)]
)
def test_a_result_outside_its_step_diverges(original: Memory, event: t.Payload) -> None:
    log = Memory()
    log.events, log.blobs = list(original.events), original.blobs
    log.append([(3, event)])
    assert replay(log).diverged_at


@pytest.mark.parametrize("change", [{"number": 3}, {"answer": "yes"}])
def test_a_persons_word_turned_round_shows(change: dict[str, Any]) -> None:
    play = Play(Memory(), started(settings(approve="all")), declines={2})
    play.to_rest()
    assert replay(play.log).identical
    log, n = forged(play.log, t.ApprovalGiven, lambda p: replace(p, **change))
    found = replay(log)
    assert found.diverged_at
    assert found.diverged_at.n in (n, n + 1)


def test_a_version_that_no_person_edited_does_not_follow_a_yes() -> None:
    play = Play(Memory(), started(settings(approve="all")))
    play.to_rest()
    at = next(i for i, event in enumerate(play.log.events) if event.type == "approval.given")
    written = next(event for event in play.log.events if event.type == "harness.written" and event.generation == 1)
    log = Memory()
    log.events = rehashed([*play.log.events[: at + 1], written, *play.log.events[at + 1 :]])
    log.blobs = play.log.blobs
    found = replay(log)
    assert found.diverged_at
    assert found.diverged_at.n == at + 2


@pytest.mark.parametrize("part", ["hash", "prev_hash", "stored"])
def test_a_broken_chain_is_the_first_thing_noticed(original: Memory, part: str) -> None:
    events = list(original.events)
    changed: dict[str, Any] = {part: b"{}" if part == "stored" else "0" * 64}
    events[4] = replace(events[4], **changed)
    log = Memory()
    log.events, log.blobs = events, original.blobs
    found = replay(log)
    assert found.diverged_at
    assert found.diverged_at.n == 5


def test_a_replay_may_stop_early(original: Memory) -> None:
    assert verify(original, "run", until=9) == ReplayResult(True, 9, None)  # type: ignore[arg-type]


def test_a_run_without_events_is_refused() -> None:
    with pytest.raises(SiaError, match="no events"):
        replay(Memory())


def test_what_a_person_wills_needs_no_explanation() -> None:
    play = Play(Memory())
    play.append(0, t.RunPaused("ada"))
    play.append(0, t.RunResumed())
    play.to_rest()
    play.append(3, t.RunResumed(settings=replace(play.state.settings, generations=4)))
    play.to_rest()
    assert replay(play.log).identical


def test_a_run_on_disk_replays_and_its_fork_too(workspace: Path, finished: str) -> None:
    with contextlib.closing(RunLog.hold(workspace, "child")) as log:
        history = list(log.reader.history(finished, until=30))
        log.fork_from(history[-1])
        play = Play(log, history=history, skill=lambda number, instance: 0.5)  # type: ignore[arg-type]
        play.append(history[-1].generation, t.RunForked("child", finished, 30, settings(seed=99)))
        play.to_rest()
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        assert verify(reader, finished).identical
        assert verify(reader, "child").identical
        assert [state.n for _, state in states(reader, "child")] == list(range(1, reader.find("child").head_n + 1))


WITHOUT = """
import sys, socket, pathlib
for name in ("optuna", "torch", "sklearn", "scipy", "git", "textual", "anthropic"):
    sys.modules[name] = None
def cut(*arguments, **options): raise AssertionError("the network was used")
socket.socket = socket.create_connection = cut
from engine.events.reader import Reader
from engine.core.replay import verify
found = verify(Reader.open(pathlib.Path(sys.argv[1])), sys.argv[2])
print(found.identical, found.events)
"""


def test_a_replay_needs_no_optuna_git_or_network(workspace: Path, finished: str) -> None:
    command = [sys.executable, "-c", WITHOUT, str(workspace / "events.db"), finished]
    environment = {"PYTHONPATH": str(Path(__file__).parents[3]), "PATH": os.devnull}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.split()[0] == "True", done.stderr


@pytest.mark.parametrize(
    ("attempt", "says"), [("import optuna", "import of optuna"), ("socket.socket()", "network was used")]
)
def test_the_blocker_above_blocks(attempt: str, says: str) -> None:
    script = WITHOUT.split("from engine", maxsplit=1)[0] + attempt
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert says in done.stderr
