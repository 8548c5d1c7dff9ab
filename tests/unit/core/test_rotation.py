"""A fresh val each so many generations: which one is due, what it costs, and what is compared and told on it."""

from __future__ import annotations

import pytest

from benchmarks.climbing_agents import CLIMBERS, climb
from benchmarks.false_acceptance import LINEAGES, false_acceptance_of
from engine.core import budget
from engine.core.rotation import Rotation, check
from engine.errors import SiaError
from engine.events import types as t
from engine.queries import present_val
from engine.queries.optimism import of_verdicts, optimism
from engine.steps.ladder import told
from tests.histories import Memory, Play, Skill, rising, settings, started

COUNTS = {"train": 6, "val": 12, "test": 4, "reserve": 24, "fresh": 2}


def played(generations: int = 5, skill: Skill = rising) -> Play:
    play = Play(Memory(), started(settings(generations=generations, rotate=2), COUNTS), skill=skill)
    play.to_rest()
    return play


def test_the_numbers_of_the_vals_and_their_first_generations() -> None:
    turns = Rotation(every=3, fresh=2)
    assert [turns.number(n) for n in range(1, 11)] == [1, 1, 1, 2, 2, 2, 3, 3, 3, 3]  # the last one stays
    assert [n for n in range(1, 13) if turns.begins_at(n)] == [4, 7]
    assert [turns.executed_in(2, n) for n in (3, 4, 6)] == [2, 4, 4]
    assert turns.executed_in(5, 6) == 5
    assert Rotation(0, 0).number(99) == 1 and not Rotation(0, 0).begins_at(4)


def test_the_incumbent_is_executed_on_a_fresh_val_and_each_verdict_is_on_one_val() -> None:
    play = played()
    done = [event.payload for event in play.log.events if isinstance(event.payload, t.ExecutionFinished)]
    assert [one.incumbent is not None for one in done] == [False, False, True, False, True]
    for event in play.log.events:
        if isinstance(verdict := event.payload, t.GateDecided) and verdict.against:
            at = play.state.rotation.executed_in(verdict.against, event.generation)
            rows = play.results.val(event.generation, play.state.of(event.generation).candidate)
            assert rows.keys() == play.results.val(at, play.state.of(verdict.against).candidate).keys()
            assert verdict.n == 12


def test_the_first_execution_on_a_fresh_val_costs_both_arms() -> None:
    chosen = settings(generations=3, rotate=2, probes=0, budget=t.Budget(evaluations=14 + 14 + 25))
    play = Play(Memory(), started(chosen, COUNTS))
    assert "28 spent, and the next execution takes 26" in play.to_rest().reason
    assert budget.execution_cost(play.state) == 26
    assert budget.execution_cost(played(4).state) == 26 and budget.execution_cost(played(3).state) == 14


def test_the_score_that_is_shown_is_that_on_the_present_val() -> None:
    play = Play(
        Memory(), started(settings(generations=3, rotate=2), COUNTS), skill=lambda n, one: 0.1 * (one[-1] == "9")
    )
    play.to_rest()
    assert play.state.incumbent == 1 and present_val.number(play.state) == 2
    execution = play.state.of(3).execution
    assert execution and present_val.score(play.state) == execution.incumbent


def test_the_estimate_of_selection_knows_the_present_val_only() -> None:
    chosen = settings(generations=9, rotate=2, gate=t.Gate(0.9, 8.0))  # it accepts whatever gains
    skill: Skill = lambda n, one: (n * n + (3 + n) * int(one.split("-")[1])) % 7 / 7  # noqa: E731
    play = Play(Memory(), started(chosen, COUNTS), skill=skill)
    verdicts = [one.verdict for one in play.to_rest().generations if one.verdict]
    assert 0 < (optimism(play.state) or 0) == of_verdicts(verdicts[4:]) != of_verdicts(verdicts)


def test_the_ladder_begins_anew() -> None:
    state = played(skill=lambda n, one: float(one.endswith(("1", "3", "5")))).state
    words = [told(state, one) for one in state.generations]
    assert words[0].val == "about 0.4 on val 1"
    assert words[2].verdict == (
        "rejected: not shown to be better than generation 1; this val is fresh, and generation 1 has about 0.4 on it"
    )
    assert "fresh" not in words[1].verdict + words[3].verdict


def test_there_is_no_second_look_where_the_reserve_is_for_fresh_vals() -> None:
    play = played()
    assert budget.reserve_of(play.state) == 0
    assert not [event for event in play.log.events if event.type == t.GateLooked.type]


def test_fresh_vals_keep_the_promised_error_and_end_what_an_agent_has_learnt_of_one() -> None:
    runs = 2000
    highest = 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
    assert false_acceptance_of(LINEAGES[0], rules=5, runs=runs, rotate=3)[1] < highest
    erred, last = climb(CLIMBERS[2], rules=5, runs=100, rotate=5)
    assert erred < 0.15 and last < 0.52
    assert climb(CLIMBERS[2], rules=5, runs=100)[0] > 0.8


@pytest.mark.parametrize(("generations", "rotate", "fits"), [(4, 2, True), (6, 2, True), (7, 2, False), (7, 3, True)])
def test_a_reserve_that_is_too_small_is_refused_in_a_sentence(generations: int, rotate: int, fits: bool) -> None:
    chosen = settings(generations=generations, rotate=rotate)
    if fits:
        check("toy", chosen, COUNTS)
    else:
        with pytest.raises(SiaError, match="takes 3 fresh vals of 12 instances, and the reserve of toy has 2"):
            check("toy", chosen, COUNTS)
