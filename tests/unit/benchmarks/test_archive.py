"""The measure of the archive: its task is what it says, and both arms play the same one."""

from __future__ import annotations

from statistics import fmean

from benchmarks.archive import SOLVED, Task, play


def test_each_candidate_is_right_on_one_kind_and_their_merge_on_all() -> None:
    task = Task(1)
    before, first, second = (task.scores(one) for one in task.known)
    assert fmean(before.values()) < fmean(first.values()) < SOLVED
    assert all(first[name] or second[name] for name in before)
    assert set(task.scores(task.right).values()) == {1.0}


def test_the_merge_is_found_and_the_same_each_time() -> None:
    found = play(9, 40, archive=True)
    assert found == play(9, 40, archive=True)
    assert found.probes < 40
    assert found.best >= SOLVED
