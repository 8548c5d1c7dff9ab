"""A gain beyond all that a run has reason to expect is accepted by a person only."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from msgspec.structs import replace

from engine.core.decide import RULES, AwaitApproval, decide
from engine.core.replay import verify
from engine.core.state import fold
from engine.events import types as t
from engine.queries.what_if import what_if
from tests.histories import Memory, Play, settings, started

FORGED = 999_999.9999


def play(
    *scores: float,
    scale: float | None = 0.5,
    approve: str = "jumps",
    rules: int = RULES,
    declines: Collection[int] = (),
) -> Play:
    """A run whose candidates score `scores` on every instance."""
    chosen = settings(generations=len(scores), scale=scale, approve=approve)
    first = replace(started(chosen), rules=rules)
    played = Play(Memory(), first, skill=lambda number, _: scores[number - 1], declines=declines)
    played.to_rest()
    return played


def asked(played: Play) -> list[t.ApprovalAsked]:
    return [event.payload for event in played.log.events if isinstance(event.payload, t.ApprovalAsked)]


def replays(played: Play) -> bool:
    return verify(played.log, played.log.run).identical  # type: ignore[arg-type]


def test_a_forged_score_waits_for_a_person_who_declines_it() -> None:
    played = play(0.5, 0.5 + FORGED, 0.6, declines={2})
    why = "a gain of +999999.9999 over generation 1 is beyond 5, the most that is accepted without a person"
    assert [(one.number, one.reason) for one in asked(played)] == [(2, why)]
    verdict = played.state.of(2).verdict
    assert verdict and not verdict.accepted and verdict.reason == f"rejected: {why}, and ada declined it"
    assert played.state.incumbent == 3
    assert replays(played)


def test_another_rule_of_the_gate_does_not_accept_what_a_person_declined() -> None:
    events = play(0.5, 0.5 + FORGED, 0.6, declines={2}).log.events
    found = what_if(events, {"alpha": 0.02})
    assert (found.differs_at, found.parts_at, found.what_if_incumbent) == (None, None, 3)


def test_what_a_person_approves_is_accepted_and_is_no_jump_the_next_time() -> None:
    played = play(0.5, 40.5, 400.5, 9000.0)
    assert [one.number for one in asked(played)] == [2, 4]
    verdict = played.state.of(2).verdict
    assert verdict and verdict.accepted and verdict.reason.endswith("; approved by ada")
    assert played.state.incumbent == 4 and replays(played)


@pytest.mark.parametrize(
    ("scores", "scale"),
    [
        ((0.36, 0.98), 0.36),
        ((0.1045, 0.68), 0.1045),
        ((13.73, 19.27), 13.73),
        ((0.0, 0.9), 1.0),
        ((-1000.0, -1.0), 1000.0),
        ((0.5, 0.1, 0.9), 0.5),
    ],
)
def test_an_ordinary_improvement_is_not_held(scores: tuple[float, ...], scale: float) -> None:
    played = play(*scores, scale=scale)
    assert not asked(played)
    assert played.state.incumbent == len(scores) and replays(played)


def test_a_rejected_score_does_not_raise_the_limit() -> None:
    assert [one.number for one in asked(play(0.5, -1e9, 1e6))] == [3]


def test_a_first_candidate_far_above_the_tasks_own_program_waits_too() -> None:
    approved = play(FORGED, FORGED + 1)
    assert [one.number for one in asked(approved)] == [1]
    assert approved.state.incumbent == 2 and replays(approved)
    declined = play(FORGED, FORGED + 1, declines={1})
    assert declined.state.status == "finished" and declined.state.incumbent is None
    assert declined.state.reason == "ada declined the first candidate"
    assert replays(declined)


@pytest.mark.parametrize(
    "changes", [{"approve": "none"}, {"scale": None}, {"rules": 2}], ids=["switched off", "another task", "an old log"]
)
def test_nothing_is_held_where_nobody_is_to_be_asked(changes: dict[str, object]) -> None:
    played = play(0.5, FORGED, **changes)  # type: ignore[arg-type]
    assert not asked(played) and played.state.incumbent == 2 and replays(played)


def test_without_a_known_scale_the_first_candidate_gives_it() -> None:
    assert [one.number for one in asked(play(0.5, 5.6, scale=0.0))] == [2]
    assert not asked(play(0.5, 5.4, scale=0.0))


def test_a_run_waits_until_it_is_answered_and_no_longer_than_it_is_asked() -> None:
    events = play(0.5, FORGED).log.events
    at = next(event.n for event in events if isinstance(event.payload, t.ApprovalAsked))
    waiting = fold(events[:at])
    assert decide(waiting) == AwaitApproval(2)
    assert waiting.why_held(2) and not waiting.why_held(1)
    off = replace(waiting, _settings=replace(waiting.settings, approve="none"))
    assert type(decide(off)).__name__ == "ApplyGate"
