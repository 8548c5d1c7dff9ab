"""A round laid out: every sampled token has its place; samples without a gradient have none."""

from __future__ import annotations

from engine.weights.objective import advantages, group_by_instance, trainable_groups
from engine.weights.recipe import recipe
from engine.weights.round import lay_out, portions, steps
from engine.weights.sample import Call, Sample


def sample(instance: str, number: int, reward: float, *calls: Call) -> Sample:
    return Sample(instance, number, reward, calls or (Call([1, 2], [number, 9]),))


def test_an_episode_is_all_that_a_sample_sampled_in_order() -> None:
    samples = [sample("a", 0, 1, Call([1], [2, 3]), Call([1, 2, 3, 4], [5])), sample("a", 1, 0, Call([1], [2]))]
    found = lay_out(samples, group_by_instance(samples))
    assert found.episodes == {0: range(3), 1: range(3, 4)}
    said = {}
    for some in portions(found.units, 64):
        entries, places = found.entries(some)
        tokens = [row.token[node] for row in some for node in row.targets]
        said |= {entry: tokens[place] for entry, place in zip(entries, places, strict=True)}
    assert [said[i] for i in range(4)] == [2, 3, 5, 2]


def test_what_teaches_nothing_is_not_computed() -> None:
    samples = [sample("a", i, float(i == 0)) for i in range(4)] + [sample("b", i, 1.0) for i in range(4)]
    for algorithm, instances, count in [
        ("grpo", 1, 4), ("entropic", 1, 4), ("dpo", 1, 4), ("ppo", 2, 8), ("reinforce", 2, 8), ("best-of-n", 2, 5),
    ]:  # fmt: skip
        chosen, groups = recipe(algorithm, {}), group_by_instance(samples)
        found = trainable_groups(chosen, samples, advantages(chosen, samples, groups), groups)
        assert (len(found), sum(map(len, found))) == (instances, count), algorithm
    held = recipe("grpo", {"kl": 0.1})
    assert (
        len(
            trainable_groups(
                held, samples, advantages(held, samples, group_by_instance(samples)), group_by_instance(samples)
            )
        )
        == 2
    )


def test_the_order_in_which_samples_come_changes_nothing() -> None:
    samples = [sample(name, i, i / 4) for name in "abc" for i in range(4)]
    one, two = lay_out(samples, group_by_instance(samples)), lay_out(samples[::-1], group_by_instance(samples[::-1]))
    assert one.units == two.units
    assert steps(one, 4, 7) == steps(two, 4, 7)
    assert sorted(unit for step in steps(one, 5, 7) for unit in step) == [0, 1, 2]
    assert [len(step) for step in steps(one, 5, 7)] == [2, 1]  # five samples or a little more


def test_the_rows_of_an_instance_may_be_kept_together() -> None:
    samples = [sample(name, i, i, Call([i, *range(9)], [1, 2])) for name in "abc" for i in range(4)]
    found = lay_out(samples, group_by_instance(samples))
    first = [min(owner for row in some for owner, _ in row.paths) for some in portions(found.units, 20, whole=True)]
    assert first == [0, 4, 8]
    assert all(len(some) == 1 for some in portions(found.units, 20))
