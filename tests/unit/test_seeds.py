"""Randomness is a function of the seed and the purpose."""

from __future__ import annotations

from engine.seeds import derive, sample


def test_a_seed_depends_on_the_run_and_on_all_of_the_purpose() -> None:
    seeds = {
        derive(1, "a", 1),
        derive(2, "a", 1),
        derive(1, "b", 1),
        derive(1, "a", 2),
        derive(1, "a"),
        derive(1, "a1"),
    }
    assert len(seeds) == 6
    assert all(0 <= seed < 2**48 for seed in seeds)


def test_seeds_are_the_same_on_every_machine() -> None:
    assert derive(1, "instance", "val-3", 0) == 109178615511552


def test_a_sample_keeps_its_members_when_others_come() -> None:
    ids = [f"i{k}" for k in range(100)]
    chosen = sample(ids, 20, 7, "fold")
    assert chosen == sorted(chosen) == sample(reversed(ids), 20, 7, "fold")
    assert set(sample([*ids, "new"], 20, 7, "fold")) - {"new"} <= set(chosen)
    assert sample(ids, 20, 8, "fold") != chosen
    assert sample(ids, 500, 7, "fold") == sorted(ids)
