"""Agents are told of `val` on a ladder: rounded scores of what was accepted, and of the rest nothing but that."""

from __future__ import annotations

import re

import pytest
from msgspec.structs import replace

from benchmarks.climbing_agents import CLIMBERS, climb
from engine.core.state import State
from engine.events import types as t
from engine.steps.ladder import rounded, told
from tests.histories import Memory, Play, domain, settings, started


def play(*scores: float, rules: int = 5, val: int = 40, **changes: object) -> State:
    """A run whose versions answer the first instances of `val` right, a share of `scores` of them."""

    def skill(number: int, instance: str) -> float:
        return float(int(instance.split("-")[1]) < scores[number - 1] * val)

    chosen = settings(generations=len(scores), **changes)
    begun = replace(started(chosen), rules=rules, domain=domain({"train": 6, "val": val, "test": 4}))
    return Play(Memory(), begun, skill=skill).to_rest()


@pytest.mark.parametrize("scores", [(0.5, 0.45), (0.5, 0.5), (0.5, 0.55), (0.5, 0.25)])
def test_all_rejections_sound_the_same(scores: tuple[float, ...]) -> None:
    state = play(*scores)
    assert told(state, state.of(2)) == ("", "rejected: not shown to be better than generation 1")


def test_an_acceptance_has_a_rounded_score_and_no_number_besides() -> None:
    state = play(0.51, 0.9)
    first, second = (told(state, one) for one in state.generations)
    assert first == ("about 0.5", "the first candidate is the incumbent to beat")  # ± 0.08
    assert second == ("about 0.90", "accepted: better than generation 1")  # ± 0.048


@pytest.mark.parametrize(
    ("score", "se", "words"),
    [
        (0.6213, 0.0148, "about 0.62"),
        (0.6313, 0.0148, "about 0.64"),
        (0.6213, 0.02, "about 0.62"),
        (0.6213, 0.0201, "about 0.60"),
        (1234.5, 30.0, "about 1250"),
        (-0.013, 0.0007, "about -0.013"),
        (2.63586, 0.0, "2.636"),
    ],
)
def test_a_score_is_rounded_to_a_step_of_at_least_its_standard_error(score: float, se: float, words: str) -> None:
    assert rounded(t.Score(score, se, 40)) == words


def test_runs_under_earlier_rules_tell_what_they_told() -> None:
    state = play(0.5, 0.55, rules=4)
    val, verdict = told(state, state.of(2))
    assert val == "0.5500 ± 0.0797" and re.search(r"p = 0\.25", verdict)


def test_one_instance_tells_all_unless_its_seeds_are_met_again() -> None:
    noisy, again = (play(0.0, 1.0, val=1, noisy=noisy, repeats=8) for noisy in (True, False))
    assert "±" in told(noisy, noisy.of(2)).val
    assert "±" not in told(again, again.of(2)).val


def test_a_person_who_declines_a_jump_is_heard_without_the_numbers() -> None:
    state = play(0.5, 0.9, scale=1e-6, approve="jumps")
    said = t.ApprovalGiven(2, "c", "no", "ada", "it cheats")
    declined = replace(state.of(2).verdict or t.GateDecided(True, "", "", 1), accepted=False)
    assert told(state, replace(state.of(2), verdict=declined, answer=said)).verdict == (
        "rejected: ada declined it: it cheats"
    )
    assert state.of(2).answer is not None  # as the state keeps it


def test_an_agent_that_votes_over_its_guesses_no_longer_climbs_on_noise() -> None:
    voting = CLIMBERS[1]
    before, val = climb(voting, rules=4, runs=40)
    after, still = climb(voting, rules=5, runs=100)
    assert before > 0.6 and val > 0.57
    assert after <= 0.1 and still == pytest.approx(0.5, abs=0.01)
