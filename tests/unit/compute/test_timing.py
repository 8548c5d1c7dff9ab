"""Two programs on a made-up machine of two processors, beside others whose work slows the first one more."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from domains.contract import Compared
from engine.compute import interference, timing
from engine.compute.interference import Counts
from engine.compute.patience import MOST_S, Patience

REFERENCE_S, CANDIDATE_S, INPUTS_S = 0.03, 0.01, 0.005
RATIO = 3.0
BLOCKS = 6


class Machine:
    """Its clock advances where something runs; `others(at_s)` is the share of both processors that others want.

    What runs on both processors beside them takes longer by that share, and the reference, which waits for all of its
    threads at every barrier, by more.
    """

    def __init__(self, others: Callable[[float], float]) -> None:
        self.others = others
        self.at_s = self.busy_s = self.own_s = self.ran_s = self.waited_s = 0.0
        self.calls = self.sleeps = 0
        self.said: list[str] = []

    def read(self) -> Counts:
        return Counts(self.at_s, self.busy_s, self.own_s, self.ran_s, self.waited_s)

    def fresh(self) -> None:
        self._pass(INPUTS_S)
        self.own_s += INPUTS_S
        self.busy_s += INPUTS_S

    def reference(self) -> float:
        self.calls += 1
        share = self.others(self.at_s)
        return self._work(REFERENCE_S * (1 + 0.8 * share), share)

    def candidate(self) -> float:
        share = self.others(self.at_s)
        return self._work(CANDIDATE_S * (1 + 0.1 * share), share)

    def _work(self, seconds: float, share: float) -> float:
        self._pass(seconds)
        self.ran_s += 2 * seconds * (1 - share)
        self.waited_s += 2 * seconds * share
        self.busy_s += 2 * seconds * (1 - share)
        return seconds

    def _pass(self, seconds: float) -> None:
        self.busy_s += 2 * seconds * self.others(self.at_s)
        self.at_s += seconds

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        self._pass(seconds)

    def compare(self, patience: Patience | None = None) -> Compared:
        return timing.compare(self.fresh, self.reference, self.candidate, BLOCKS, self.read, patience)

    def patience(self, most_s: float = MOST_S) -> Patience:
        return Patience(
            most_s,
            lambda: interference.is_quiet(self.read, self.sleep),
            lambda text, _: self.said.append(text),
            lambda: self.at_s,
        )


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interference, "_processors", lambda: frozenset({0, 1}))


def test_on_a_quiet_machine_the_ratio_counts_after_the_planned_blocks() -> None:
    machine = Machine(lambda _: 0.0)
    assert machine.compare(machine.patience()) == Compared(REFERENCE_S, CANDIDATE_S, pytest.approx(RATIO), 0.0)
    assert machine.calls == 2 * BLOCKS
    assert machine.said == []


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6, 0.9])
def test_beside_steady_work_the_ratio_is_that_of_a_quiet_machine_or_says_that_it_was_disturbed(share: float) -> None:
    machine = Machine(lambda _: share)
    found = machine.compare()
    assert found.ratio > 1.05 * RATIO  # in all pairs alike
    assert found.spread < 1e-9
    assert found.disturbed


@pytest.mark.parametrize("share", [0.0, 0.01, 0.03])
def test_what_changes_the_ratio_by_less_than_its_error_disturbs_nothing(share: float) -> None:
    found = Machine(lambda _: share).compare()
    assert not found.disturbed
    assert abs(found.ratio / RATIO - 1) < 0.03  # the error of one suite


def test_blocks_in_which_others_were_in_the_way_are_repeated() -> None:
    machine = Machine(lambda at_s: 0.5 * (0.1 < at_s < 0.2))
    assert machine.compare() == Compared(REFERENCE_S, CANDIDATE_S, pytest.approx(RATIO), pytest.approx(0.0))
    assert machine.calls == 2 * (BLOCKS + 2)


def test_work_that_ends_is_waited_for_and_then_all_is_timed_again() -> None:
    machine = Machine(lambda at_s: 0.6 * (at_s < 20.0))
    found = machine.compare(machine.patience())
    assert not found.disturbed
    assert found.ratio == pytest.approx(RATIO)
    assert 20.0 < machine.at_s < 25.0
    first, last = machine.said
    assert re.fullmatch(r"others used 5\d% of the processors during a timing; waiting up to 60 s for .*", first)
    assert last == "the machine is quiet again"


def test_a_machine_that_stays_busy_is_waited_for_once_and_again_after_a_quiet_timing() -> None:
    share = 0.6
    machine = Machine(lambda _: share)
    patience = machine.patience(10.0)
    assert re.fullmatch(r"others used 5\d% of the processors", machine.compare(patience).disturbed)
    assert machine.said[-1] == "no quiet machine; timed all the same"
    assert 20 <= (waited := machine.sleeps) <= 21  # of half a second
    assert machine.compare(patience).disturbed
    assert machine.sleeps == waited
    share = 0.0
    assert not machine.compare(patience).disturbed
    share = 0.6
    assert machine.compare(patience).disturbed
    assert machine.sleeps >= 2 * waited


def test_busy_processes_of_the_candidate_are_not_others() -> None:
    machine = Machine(lambda _: 0.0)

    def candidate() -> float:
        machine.busy_s += 50 * CANDIDATE_S  # unknown to us: its parents ignore that they end
        machine.waited_s += 50 * CANDIDATE_S
        machine.ran_s += CANDIDATE_S
        machine.at_s += CANDIDATE_S
        return CANDIDATE_S

    found = timing.compare(machine.fresh, machine.reference, candidate, BLOCKS, machine.read)
    assert not found.disturbed
    assert machine.calls == 2 * BLOCKS


def test_others_in_the_way_show_also_where_their_work_is_not_in_the_counts_of_the_machine() -> None:
    machine = Machine(lambda _: 0.5)
    unseen = machine.read

    def read() -> Counts:
        return unseen()._replace(busy_s=machine.ran_s + machine.own_s)  # another container's, under LXCFS

    found = timing.compare(machine.fresh, machine.reference, machine.candidate, BLOCKS, read)
    assert found.disturbed == "others kept the processors busy for 49% of the time in which they were wanted"


def test_others_on_further_processors_show_though_nothing_of_ours_waits() -> None:
    machine = Machine(lambda _: 0.5)
    waiting = machine.read
    found = timing.compare(
        machine.fresh, machine.reference, machine.candidate, BLOCKS, lambda: waiting()._replace(waited_s=0.0)
    )
    assert found.disturbed.startswith("others used 4")
