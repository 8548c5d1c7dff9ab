"""What comes next, at every point of a run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core.decide import STEP_ATTEMPTS, Append, ApplyGate, AwaitApproval, Halt, Perform, decide
from engine.core.state import fold
from engine.errors import SiaError
from engine.events import types as t
from tests.histories import Memory, Play, Skill, settings, started


def decisions(play: Play) -> list[str]:
    """The decision before each event of the run, one word or two each."""
    return [_word(decide(fold(play.log.events[:n]))) for n in range(1, len(play.log.events) + 1)]


def _word(decision: object) -> str:
    match decision:
        case Perform(kind=kind, generation=generation, attempt=attempt):
            return f"{kind} {generation}.{attempt}"
        case ApplyGate(generation=generation):
            return f"judge {generation}"
        case AwaitApproval(number=number):
            return f"await {number}"
        case Append(payload=payload):
            return payload.type
        case _:
            return "rest"


def played(**options: object) -> Play:
    play = Play(Memory(), **options)  # type: ignore[arg-type]
    play.to_rest()
    return play


def steps(play: Play) -> list[str]:
    """What was decided, without the moments inside a step."""
    return [word for event, word in zip(play.log.events, decisions(play), strict=True) if _outside(play, event.n)]


def _outside(play: Play, n: int) -> bool:
    return fold(play.log.events[:n]).open_step is None


def test_a_run_of_two_generations_goes_through_every_phase_in_order() -> None:
    assert steps(played(first=started(settings(generations=2)))) == [
        "baseline 0.1", "write 0.1", "generation.started", "execute 1.1", "judge 1", "analyse 1.1", "improve 1.1",
        "generation.finished", "generation.started", "execute 2.1", "judge 2", "generation.finished", "run.finished",
        "rest",
    ]  # fmt: skip


def test_one_generation_is_one_execution_and_no_improvement() -> None:
    play = played(first=started(settings(generations=1)))
    assert "analyse 1.1" not in steps(play)
    assert play.state.reason.endswith("nothing improved: only the first candidate was executed")


def test_the_same_history_gives_the_same_decision() -> None:
    one, other = played(), played()
    assert one.log.events == other.log.events
    assert decisions(one) == decisions(other)


@pytest.mark.parametrize("kind", ["baseline", "write", "execute", "analyse", "improve"])
def test_a_step_in_doubt_is_abandoned_and_done_again(kind: str) -> None:
    at = 0 if kind in ("baseline", "write") else 1
    play = played(crashes={(kind, at, 1)})
    abandoned = [event for event in play.log.events if event.type == "step.abandoned"]
    assert [event.payload for event in abandoned] == [
        t.StepAbandoned(kind, 1, "the engine ended before this step had a result", 3 if kind == "execute" else 0)  # type: ignore[arg-type]
    ]
    following = next(event for event in play.log.events if event.n == abandoned[0].n + 1)
    assert following.payload == t.StepStarted(kind, 2)  # type: ignore[arg-type]
    assert play.state.status == "finished"


def test_an_execution_goes_on_with_the_results_that_it_has() -> None:
    play = played(crashes={("execute", 1, 1)})
    found = [e.payload for e in play.log.events if e.type == "instance.finished" and e.generation == 1]
    assert len(found) == len({(one.split, one.instance) for one in found}) == 14  # type: ignore[union-attr]


@pytest.mark.parametrize("failed", range(1, STEP_ATTEMPTS + 1))
def test_a_failed_step_is_tried_three_times(failed: int) -> None:
    play = played(fails={("execute", 2, attempt) for attempt in range(1, failed + 1)})
    started_steps = [e.payload for e in play.log.events if e.payload.__class__ is t.StepStarted and e.generation == 2]
    assert [one.attempt for one in started_steps if one.kind == "execute"] == list(range(1, min(failed, 2) + 2))  # type: ignore[union-attr]
    assert play.state.status == ("failed" if failed == STEP_ATTEMPTS else "finished")
    if failed == STEP_ATTEMPTS:
        assert play.log.events[-1].payload == t.RunFailed(
            t.Failure("infrastructure", "execute 3 failed"), "fix the cause, then `sia resume`"
        )


def test_failures_of_different_steps_do_not_add_up() -> None:
    assert (
        played(fails={("execute", 1, 1), ("analyse", 1, 1), ("improve", 1, 1), ("execute", 2, 1)}).state.status
        == "finished"
    )


def test_a_failed_run_that_is_resumed_tries_again() -> None:
    play = played(fails={("execute", 2, attempt) for attempt in (1, 2, 3)})
    play.append(2, t.RunResumed())
    assert decide(play.state) == Perform("execute", 2, 4)
    assert play.to_rest().status == "finished"


@pytest.mark.parametrize("wish", [t.RunPaused("ada"), t.RunStopped("ada")])
def test_a_run_that_was_put_down_rests_until_it_is_resumed(wish: t.Payload) -> None:
    play = Play(Memory())
    play.append(0, wish)
    assert decide(play.state) == Halt()
    play.append(0, t.RunResumed())
    assert decide(play.state) == Perform("baseline", 0, 1)


def test_two_improvements_that_come_to_nothing_end_the_run() -> None:
    play = played(barren={2})
    assert steps(play)[-6:] == ["analyse 2.1", "improve 2.1", "analyse 2.1", "improve 2.1", "run.finished", "rest"]
    assert "no further candidate was found, since nothing was better" in play.state.reason


@pytest.mark.parametrize(
    ("skill", "says"),
    [
        (lambda number, instance: 0.2 * number, "all 3 generations are done; generation 3 is the best of 3 candidates"),
        (lambda number, instance: 0.5, "nothing improved: of 2 new candidates the closest was generation 2 (no score"),
        (lambda number, instance: 0.5 - 0.1 * number, "generation 2 (-0.1000 ± 0.0000 against generation 1, no gain)"),
        (lambda number, instance: 0.5 + 0.1 * (number == 2 and instance == "val-1"), "over generation 1 may be chance"),
    ],
)
def test_the_end_says_what_came_of_it_and_why_nothing_did(skill: Skill, says: str) -> None:
    assert says in played(skill=skill).state.reason


def test_a_person_is_asked_before_a_candidate_is_executed_and_a_no_makes_another() -> None:
    play = played(first=started(settings(generations=2, approve="harness")), declines={2})
    told = [e.payload.answer for e in play.log.events if isinstance(e.payload, t.ApprovalGiven)]
    assert told == ["no", "yes"]
    words = steps(play)
    first, second = (i for i, word in enumerate(words) if word == "await 2")
    assert words[first - 1] == "approval.asked"
    assert words[first + 1] == "analyse 1.1"
    assert words[second + 1 : second + 3] == ["generation.finished", "generation.started"]


def test_a_run_that_asks_nobody_waits_for_nobody() -> None:
    assert "await 2" not in steps(played(first=started(settings(generations=2, approve="weights"))))


def test_more_generations_reopen_a_finished_run() -> None:
    play = played(first=started(settings(generations=2)))
    before = len(play.log.events)
    play.append(2, t.RunResumed(settings=replace(play.state.settings, generations=4)))
    assert decide(play.state) == Perform("analyse", 2, 1)
    state = play.to_rest()
    assert (len(state.generations), state.status) == (4, "finished")
    assert [event.type for event in play.log.events[before:]].count("generation.started") == 2


def test_resuming_a_finished_run_unchanged_finishes_it_again() -> None:
    play = played()
    play.append(3, t.RunResumed())
    assert _word(decide(play.state)) == "run.finished"


def test_rules_of_another_release_are_refused() -> None:
    play = Play(Memory(), replace(started(), rules=99))
    with pytest.raises(SiaError, match="rules 99"):
        decide(play.state)


def test_who_corrects_a_task_is_not_told_to_resume_its_run() -> None:
    play = Play(Memory())
    for attempt in range(1, STEP_ATTEMPTS + 1):
        play.append(0, t.StepStarted("baseline", attempt))
        play.append(0, t.StepFailed("baseline", attempt, t.Failure("verifier", "a score lies between ±1e+100")))
    decision = decide(play.state)
    assert isinstance(decision, Append)
    assert isinstance(decision.payload, t.RunFailed)
    assert "start a new run" in decision.payload.remedy
