"""What a run is doing, how far it is and how long that takes: the same from events one by one and from the log."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core.determinism import FIRST
from engine.core.state import State, evolve
from engine.events import types as t
from engine.events.event import Event
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.queries.progress.history import earlier_pace
from engine.queries.progress.pace import Pace
from engine.queries.progress.progress import Progress, progress
from engine.queries.progress.tally import Tally, executing
from engine.queries.snapshot import Outline
from tests.histories import Memory, Play, settings, started

HERE = Path(__file__).parents[3]
RECORDED = [HERE / "events.db", *sorted((HERE / "tests/golden").glob("*.db"))]


def told(events: list[Event], earlier: Pace | None = None) -> Iterator[tuple[Event, Progress]]:
    """The progress after each event, from the events before it alone."""
    state, pace, tally = State(), Pace(), Tally()
    for event in events:
        state, pace = evolve(state, event), pace.after(event)
        candidate = executing(state)
        if candidate is None or isinstance(event.payload, t.GenerationStarted):
            tally = Tally()
        elif isinstance(event.payload, t.InstanceFinished):
            tally = tally.plus(event.payload, candidate)
        yield event, progress(state, pace, tally, earlier)


def close(found: Progress, other: Progress) -> bool:
    """Equal but for the order in which floats were added."""

    def rounded(one: Progress) -> dict[str, object]:
        fields = {name: getattr(one, name) for name in one.__struct_fields__}
        score = one.score and (round(one.score.score, 6), round(one.score.se, 6), one.score.n)
        numbers = {name: round(value, 6) for name, value in fields.items() if isinstance(value, float)}
        return {**fields, **numbers, "score": score}

    return rounded(found) == rounded(other)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_the_log_says_at_every_event_what_the_events_say(path: Path) -> None:
    with contextlib.closing(Reader.open(path)) as reader:
        run = reader.runs()[-1].run
        events = list(reader.history(run))
        one_by_one = [found for _, found in told(events)]
        growing, jumping = Outline(reader, run), Outline(reader, run)
        for n, found in enumerate(one_by_one, 1):
            assert close(growing.progress(n), found), n
        for n in range(len(events), 0, -7):
            assert close(jumping.progress(n), one_by_one[n - 1]), n


def test_what_a_run_is_doing_is_said_at_every_event_while_a_step_is_open() -> None:
    with contextlib.closing(Reader.open(HERE / "events.db")) as reader:
        events = list(reader.history(reader.runs()[0].run))
    doing, state = [], State()
    for event, found in told(events):
        state = evolve(state, event)
        doing.append(found.doing)
        assert bool(found.doing) == bool(state.open_step)
        if found.doing in ("execute", "prepare"):
            assert found.total == 1268
            assert 0 <= found.done <= found.total
    assert list(dict.fromkeys(doing)) == ["", "baseline", "write", "prepare", "execute", "analyse", "improve", "test"]


def test_never_is_more_done_than_there_is() -> None:
    """Where the one score of a program is measured for noise, it is answered more often than an Execution costs."""
    play = Play(Memory(), started(settings(generations=3), {"train": 2, "val": 1, "test": 1}))
    play.to_rest()
    executing = [one for _, one in told(play.log.events) if one.doing == "execute"]
    assert max(one.done for one in executing if one.generation == 1) == 3 + FIRST - 1
    assert all(one.total is None or one.done <= one.total for one in executing)
    assert {one.total for one in executing if one.generation == 1} == {3 + FIRST - 1}


def test_the_time_left_is_true_to_a_factor_of_three_once_the_step_is_under_way() -> None:
    with contextlib.closing(Reader.open(HERE / "events.db")) as reader:
        events = list(reader.history(reader.runs()[0].run))
    ends = {one.generation: one.at for one in events if isinstance(one.payload, t.ExecutionFinished)}
    checked = 0
    for event, found in told(events):
        if found.doing == "execute" and 200 <= found.done <= 1100:
            true = (ends[event.generation] - event.at) / 1e6
            assert found.left_s is not None
            assert true / 3 <= found.left_s <= 3 * true, event.n
            checked += 1
    assert checked > 1000


def test_the_score_so_far_ends_as_the_score() -> None:
    with contextlib.closing(Reader.open(HERE / "events.db")) as reader:
        events = list(reader.history(reader.runs()[0].run))
    before: Progress | None = None
    for event, found in told(events):
        if isinstance(event.payload, t.ExecutionFinished):
            assert before is not None
            assert before.score is not None
            assert before.score.score == pytest.approx(event.payload.scores["val"].score)
            assert before.score.se == pytest.approx(event.payload.scores["val"].se, rel=1e-3)
        before = found


def test_what_is_left_of_the_run_is_more_where_a_part_is_not_known() -> None:
    play = Play(Memory(), started(settings(generations=3)))  # an event a second
    play.to_rest()
    found = [one for _, one in told(play.log.events)]
    first = next(one for one in found if one.doing == "execute" and one.done >= 8)
    assert first.run_left_s is not None
    assert not first.run_known  # nobody knows yet how long an Improvement takes
    second = next(one for one in found if one.doing == "execute" and one.generation == 2)
    assert second.run_known
    pace = Pace()
    for event in play.log.events:
        pace = pace.after(event)
    assert all(one.run_known for _, one in told(play.log.events, pace) if one.doing)
    assert next(one for _, one in told(play.log.events, pace) if one.doing == "baseline").left_s == pytest.approx(1)


def test_other_runs_of_the_domain_say_how_long_a_first_step_takes(workspace: Path) -> None:
    for run in ("r1", "r2"):
        with contextlib.closing(RunLog.hold(workspace, run)) as log:
            play = Play(log, started(settings(generations=2)))  # type: ignore[arg-type]
            if run == "r1":
                play.to_rest()
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        pace = earlier_pace(reader, "r2")
        assert pace.steps["baseline"].count == 1
        assert pace.evaluated.count
        assert earlier_pace(reader, "r1") == Pace()


def test_failures_are_counted_and_waiting_is_said() -> None:
    play = Play(Memory(), started(settings(approve="all")), absent=True)
    play.to_rest()
    *_, (_, last) = told(play.log.events)
    assert (last.doing, last.left_s) == ("approval", None)
    retried = t.ModelRetried("task", "m", "val/a/0", 0, 1, 30.0, "overloaded", 529)
    start = next(i for i, event in enumerate(play.log.events) if event.type == "step.started") + 1
    memory = Memory()
    memory.events = play.log.events[:start]
    memory.append([(0, retried)])
    *_, (_, waits) = told(memory.events)
    assert (waits.doing, waits.reason, waits.server, waits.since) == ("server", "overloaded", "m", memory.events[-1].at)
    failed = t.InstanceFinished("h", "val", "a", 0, 1, "p", 0.0, failure=t.Failure("harness", "no"))
    tally = Tally().plus(failed, t.Candidate("h", None, None, 1))
    assert (tally.results, tally.failed, tally.n) == (1, 1, 1)


def test_a_harness_that_is_prepared_for_each_sample_makes_evaluations_no_slower() -> None:
    """An evaluation takes a tenth of a second, and so do other events; each of two preparations takes twenty."""
    play = Play(Memory(), started(settings(generations=3)))
    play.to_rest()
    log, times, now, sample = Memory(), [], 0, None
    for event in play.log.events:
        payload = event.payload
        if isinstance(payload, t.InstanceFinished) and sample != (sample := (event.generation, payload.split)):
            log.append([(event.generation, t.HarnessPrepared(payload.harness, 20.0, 20.0))])
            times.append(now := now + 20_000_000)
        log.append([(event.generation, payload)])
        times.append(now := now + 100_000)
    events = [replace(event, at=at) for event, at in zip(log.events, times, strict=True)]
    finished = {one.generation: one.at for one in events if isinstance(one.payload, t.ExecutionFinished)}
    found = [(event, one) for event, one in told(events) if one.doing == "execute" and event.generation > 1]
    assert sum(isinstance(event.payload, t.HarnessPrepared) for event, _ in found) == 4
    for event, one in found:
        assert one.left_s == pytest.approx((finished[event.generation] - event.at) / 1e6, abs=1), event.n
