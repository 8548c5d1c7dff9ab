"""A run at an event: what folding the log says of it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core.decide import decide
from engine.core.state import ENGINE_ENDED, State, fold
from engine.errors import SiaError
from engine.events import types as t
from tests.histories import Memory, Play, settings, started


@pytest.fixture
def play() -> Play:
    made = Play(Memory())
    made.to_rest()
    return made


def test_a_finished_run(play: Play) -> None:
    state = play.state
    assert (state.run, state.name, state.status, state.incumbent) == ("run", "toy-1", "finished", 3)
    assert [one.verdict.accepted for one in state.generations if one.verdict] == [True] * 3
    assert sorted(state.versions) == [1, 2, 3]
    assert (state.n, state.hash) == (len(play.log.events), play.log.events[-1].hash)
    assert state.spent.evaluations == 3 * 14 + 2 * 2 * 3


def test_folding_goes_on_where_it_stopped(play: Play) -> None:
    events = play.log.events
    for cut in range(0, len(events), 7):
        assert fold(events[cut:], fold(events[:cut])) == play.state


def test_time_counts_inside_steps_only(play: Play) -> None:
    """Events lie a second apart; the second that ends a step belongs to it, the one that begins it does not."""
    inside = sum(fold(play.log.events[:n]).open_step is not None for n in range(len(play.log.events)))
    assert play.state.spent.seconds == inside
    assert 0 < inside < len(play.log.events) - 1


@pytest.mark.parametrize("next_engine", [t.RunResumed(), t.StepAbandoned("baseline", 1, ENGINE_ENDED, 0)])
def test_the_time_between_a_crash_and_the_next_engine_does_not_count(next_engine: t.Payload) -> None:
    play = Play(Memory())
    play.append(0, t.StepStarted("baseline", 1))
    before = play.state.spent.seconds
    play.append(0, next_engine)
    assert play.state.spent.seconds == before


def test_a_fork_goes_on_with_what_the_parent_knew(play: Play) -> None:
    play.append(3, t.RunForked("other", "run", 9, replace(settings(), generations=9)))
    state = play.state
    assert (state.status, state.name, state.parent, state.settings.generations) == ("running", "other", "run", 9)
    assert state.incumbent == 3


def test_a_fork_gives_up_the_parents_open_step() -> None:
    play = Play(Memory())
    play.append(0, t.StepStarted("baseline", 1))
    play.append(0, t.RunForked("other", "run", 2))
    assert play.state.open_step is None


@pytest.mark.parametrize("reopen", [t.RunForked("x", "run", 1, settings()), t.RunResumed(settings=settings())])
def test_new_settings_lift_what_ended_the_run(reopen: t.Payload) -> None:
    play = Play(Memory(), started(replace(settings(), budget=t.Budget(evaluations=20))))
    assert play.to_rest().exhausted
    play.append(1, reopen)
    assert play.state.exhausted is None
    assert play.to_rest().incumbent == 3


@pytest.mark.parametrize("reopen", [t.RunForked("x", "run", 1), t.RunResumed()])
def test_failures_are_forgiven_when_a_run_is_taken_up_again(reopen: t.Payload) -> None:
    play = Play(Memory(), fails={("baseline", 0, attempt) for attempt in (1, 2, 3)})
    assert play.to_rest().status == "failed"
    play.append(0, reopen)
    assert play.to_rest().status == "finished"


def test_each_reading_of_the_test_split_counts_when_it_begins() -> None:
    play = Play(Memory())
    play.append(0, t.StepStarted("test", 1))
    assert play.state.unsealed == 1


def test_nothing_is_decided_before_the_run_has_started() -> None:
    with pytest.raises(SiaError):
        decide(State())
    with pytest.raises(SiaError, match=r"run\.started"):
        _ = State().settings
