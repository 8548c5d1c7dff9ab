"""A lineage has one error to spend: its verdicts draw on it, and an acceptance that it cannot pay for says so."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from msgspec.structs import replace

from benchmarks.false_acceptance import LINEAGES, Lineage, false_acceptance_of, judge
from engine.core.account import Account, sentence
from engine.core.gate import compare, threshold
from engine.core.replay import verify
from engine.core.state import fold
from engine.events import types as t
from tests.histories import Memory, Play, settings, started
from tests.unit.core.test_replay import forged

GATE = t.Gate()


def spent(judged: int, each: float) -> Account:
    return Account({f"v{i}": each for i in range(judged)})


def judged(
    differences: Sequence[float], account: Account, *, generations: int = 8, rules: int = 4, gate: t.Gate = GATE
) -> t.GateDecided:
    rival = {(f"i{i:04}", 0): 0.0 for i in range(len(differences))}
    better = dict(zip(rival, differences, strict=True))
    return compare(
        better, rival, against=1, gate=gate, generations=generations, noisy=False, rules=rules, account=account
    )


CLEAR, CHANCE = [1.0] * 40, [1.0, -1.0] * 20


@pytest.mark.parametrize("generations", [2, 6, 8, 20, 101])
def test_a_run_that_keeps_to_its_plan_is_judged_as_before_and_never_beyond_its_account(generations: int) -> None:
    account = Account()
    for n in range(2, generations + 1):
        before = judged(CHANCE, account, generations=generations, rules=3)
        verdict = judged(CHANCE, account, generations=generations)
        assert (verdict.alpha, verdict.accepted, verdict.reason) == (before.alpha, before.accepted, before.reason)
        assert verdict.spent == pytest.approx(verdict.alpha) and before.spent is None
        clear = judged(CLEAR, account, generations=generations)
        assert clear.accepted and not clear.beyond
        account = account.with_spent({f"v{n}": verdict.spent or 0.0})
    assert account.left(GATE) == pytest.approx(0.05 - (generations - 1) * threshold(GATE, generations))


def test_an_acceptance_costs_nothing_and_the_same_beyond_the_account_says_so() -> None:
    paid = judged(CLEAR, spent(3, 0.007))
    assert (paid.accepted, paid.spent, paid.beyond) == (True, 0.0, False) and "beyond" not in paid.reason
    beyond = judged(CLEAR, spent(7, 0.05 / 7))
    assert beyond.accepted and beyond.beyond
    assert beyond.reason.endswith("; beyond the error of 0.05 that its lineage may risk")
    assert judged(CLEAR, spent(7, 0.05 / 7), gate=replace(GATE, run_alpha=0.1)).beyond is False  # a person allows more


def test_what_is_left_decides_where_it_is_less_than_the_level() -> None:
    wins = [1.0] * 14 + [-1.0] * 2  # p = 0.0021, below the level of 0.00625
    enough = judged(wins, spent(7, 0.0065))  # 0.0045 is left
    assert enough.accepted and not enough.beyond
    short = judged(wins, spent(7, 0.0069))
    assert short.accepted and short.beyond and short.spent == pytest.approx(0.05 - 7 * 0.0069)


def test_a_candidate_that_no_signs_could_have_made_better_costs_nothing() -> None:
    assert judged([0.0] * 40, Account()).spent == 0.0
    assert judged([1.0] * 7 + [0.0] * 30, Account()).spent == 0.0  # 2^-7 is not below 0.05 / 7
    assert judged([1.0] * 7 + [-1.0] + [0.0] * 30, Account()).spent == pytest.approx(0.05 / 7)


def test_the_level_falls_with_the_candidates_of_the_lineage_also_where_each_run_has_few() -> None:
    levels = [judged(CHANCE, spent(n, 0.0), generations=2).alpha for n in (0, 4, 9, 99)]
    assert levels == pytest.approx([0.01, 0.01, 0.005, 0.0005])


def test_the_level_stays_within_reach_of_so_few_units() -> None:
    verdict = judged([1.0] * 8, spent(200, 0.0))
    assert verdict.alpha == pytest.approx(0.05 / 7) and verdict.accepted  # p = 0.0039; 0.05 / 201 is out of reach
    drawn = judged([float(i + 1) for i in range(40)], spent(5000, 0.0))
    assert drawn.p < drawn.alpha < 0.0002 and drawn.accepted


def test_what_is_not_tested_is_not_paid_for() -> None:
    row = {("a", 0): 1.0}
    exact = compare(row, {("a", 0): 0.0}, against=1, gate=GATE, generations=2, noisy=False, rules=4)
    refused = compare(row, row, against=1, gate=GATE, generations=2, noisy=True, rules=4, refused=True)
    assert exact.accepted and exact.spent is None and refused.spent is None


def test_it_is_told_in_a_sentence() -> None:
    told = sentence(judged=23, instances=1068, error=0.05, left=0.0310000001)
    assert told == "this lineage has judged 23 candidates on these 1,068 instances; 0.031 of 0.05 is left"
    assert "1 candidate on" in sentence(judged=1, instances=4, error=0.05, left=1e-18)
    assert "; 0 of 0.05" in sentence(judged=1, instances=4, error=0.05, left=1e-18)


def noise(number: int, instance: str) -> float:
    """All versions are as good; the ninth is better on every instance."""
    return random.Random(f"{number} {instance}").random() + 5 * (number == 9)


def test_raised_generations_go_on_beyond_the_account_and_the_log_replays() -> None:
    play = Play(Memory(), started(settings(generations=8)), skill=noise)
    assert play.to_rest().account.left(GATE) == pytest.approx(0.0, abs=1e-12)
    play.append(8, t.RunResumed(settings=settings(generations=9)))
    state = play.to_rest()
    verdict = state.of(9).verdict
    assert state.account.judged == 8 and verdict and verdict.accepted and verdict.beyond
    assert verify(play.log, play.log.run).identical  # type: ignore[arg-type]
    old = Play(Memory(), replace(started(settings(generations=8)), rules=3), skill=noise)
    assert old.to_rest().account == Account()
    assert verify(old.log, old.log.run).identical  # type: ignore[arg-type]


def told(payload: t.AccountRead) -> Play:
    """A run that is told what others have spent before its first verdict."""
    play = Play(Memory(), started(settings(generations=3)), skill=noise)
    verdict = play.judge
    play.judge = lambda g: (play.append(g, payload) if g == 2 else None, verdict(g))[1]  # type: ignore[method-assign]
    play.to_rest()
    return play


def test_what_others_spent_is_recorded_and_replayed() -> None:
    play = told(t.AccountRead({"a" * 16: 0.03, "b" * 16: 0.0}))
    verdict = fold(play.log.events).of(3).verdict
    assert verdict and verdict.spent == pytest.approx(0.01) and play.state.account.judged == 4
    assert verify(play.log, play.log.run).identical  # type: ignore[arg-type]


LIES = {
    "more is left": {"a" * 16: 0.001},
    "somebody gave back": {"a" * 16: -0.01},
    "nothing": {},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_the_account_diverges(lie: str) -> None:
    play = told(t.AccountRead({"a" * 16: 0.045}))
    log, _ = forged(play.log, t.AccountRead, lambda p: replace(p, spent=LIES[lie]))
    assert not verify(log, log.run).identical  # type: ignore[arg-type]


def test_a_payment_left_out_of_a_verdict_diverges() -> None:
    play = Play(Memory(), started(settings(generations=3)), skill=noise)
    play.to_rest()
    log, n = forged(play.log, t.GateDecided, lambda p: replace(p, spent=0.0), -1)
    found = verify(log, log.run)  # type: ignore[arg-type]
    assert found.diverged_at and found.diverged_at.n == n


def test_own_verdicts_cannot_be_told_as_those_of_others() -> None:
    play = Play(Memory(), started(settings(generations=3)), skill=noise)
    play.to_rest()
    first = next(e for e in play.log.events if isinstance(e.payload, t.GateDecided) and e.payload.spent is not None)
    at = next(i for i, e in enumerate(play.log.events) if e.type == t.GateDecided.type and e.generation == 3)
    again = Play(Memory(), history=[])
    again.log.events, again.log.blobs = play.log.events[:at], play.log.blobs
    again.log.append([(3, t.AccountRead({first.payload.comparison: 0.0}))])
    found = verify(again.log, again.log.run)  # type: ignore[arg-type]
    assert found.diverged_at and found.diverged_at.n == at + 1


FORKS = Lineage("10 forks of a run of 5", 4, forks=10, instances=60)
RAISED = Lineage("raised by one, to 41", 40, raised=True, instances=60)


@pytest.mark.parametrize("lineage", [FORKS, RAISED], ids=lambda one: one.name)
def test_a_lineage_of_equal_skill_accepts_within_its_account_in_at_most_one_of_twenty(lineage: Lineage) -> None:
    claimed = false_acceptance_of(lineage, rules=4, runs=600)[1]
    assert claimed <= 0.05
    before = false_acceptance_of(FORKS, rules=3, runs=600)[1]
    assert before > 0.05  # the simulation can tell


def test_the_simulation_judges_as_the_gate_does() -> None:
    lineage = Lineage("4 forks of a run of 3", 2, forks=4, instances=24)
    runs = range(60)
    accounts, seen = [Account() for _ in runs], set()
    for number, verdicts in enumerate(judge(lineage, rules=4, runs=len(runs))):
        for run in runs:
            differences = [float(d) for d in verdicts.candidate[run] - verdicts.incumbent[run]]
            verdict = judged(differences, accounts[run], generations=verdicts.generations)
            assert (verdict.accepted, verdict.beyond) == (bool(verdicts.accepted[run]), bool(verdicts.beyond[run]))
            accounts[run] = accounts[run].with_spent({f"v{number}": verdict.spent or 0.0})
            seen.add(verdict.accepted)
    assert seen == {True, False} and len(LINEAGES) == 4
