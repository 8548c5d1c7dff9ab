"""Which trainer learns, and what TRL is fed with; neither needs TRL."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.run import options
from engine.weights.objective import advantages, group_by_instance, trainable_groups
from engine.weights.recipe import ALGORITHMS, Recipe, recipe
from engine.weights.round import Round, lay_out
from engine.weights.sample import Call, Sample
from engine.weights.trl.choice import choose
from engine.weights.trl.rows import Batches, batches, cloned, compared, even, filled, rewarded

GIGABYTE = 1 << 30


def chosen(
    setting: str = "auto",
    algorithm: str = "grpo",
    devices: int = 1,
    size: int = 1,
    memory: int = 24,
    installed: bool = True,
) -> str:
    given = {"devices": devices, "size": size * GIGABYTE, "memory": memory * GIGABYTE, "installed": installed}
    return choose(setting, algorithm, **given)  # type: ignore[arg-type]


def test_trl_learns_where_a_model_does_not_fit_beside_itself_or_where_it_is_asked_for() -> None:
    assert [chosen(size=size) for size in (1, 12, 13, 24)] == ["ours", "ours", "trl", "trl"]
    assert (chosen(devices=2), chosen(devices=2, installed=False)) == ("trl", "ours")
    assert chosen(size=13, installed=False) == "ours"
    assert (chosen("trl"), chosen("ours", size=24)) == ("trl", "ours")
    assert [chosen("trl", one) for one in ALGORITHMS] == ["trl", "ours", "trl", "ours", "trl", "trl"]


def test_trl_that_is_missing_is_refused_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "TRL", ("no_such_package",))
    from domains.contract import Spec

    spec = Spec(name="", title="", metric="", minimum_effect=0.0, train_sample=0)
    asked = options.Options(domain="", model="hf:smollm2", trainer="trl")
    with pytest.raises(SiaError, match="the package no_such_package is not installed") as refused:
        options.settings_of(asked, spec)
    assert refused.value.remedy == "install it with `pip install 'sia-tui[train]'`"
    trains_nothing = options.Options(domain="", trainer="trl")
    assert options.settings_of(trains_nothing, spec).trainer == "trl"
    with pytest.raises(SiaError, match="--trainer cannot be 'theirs'"):
        options.settings_of(options.Options(domain="", trainer="theirs"), spec)


@pytest.mark.parametrize("count", [1, 7, 64])
@pytest.mark.parametrize("longest", [5, 100, 5000])
@pytest.mark.parametrize("devices", [1, 3])
def test_a_step_holds_its_rows_in_batches_that_fit(count: int, longest: int, devices: int) -> None:
    found = batches(count, 4, longest, tokens=768, devices=devices)
    assert found.step >= count
    assert found.rows == 1 or found.rows * longest <= 768
    assert found.step - count < devices * found.accumulated + devices  # little is filled up


@pytest.mark.parametrize("plan", [Batches(23, 1, 1, 1), Batches(1, 3, 1, 5), Batches(2, 3, 1, 1), Batches(3, 3, 3, 3)])
def test_the_rows_of_a_policy_gradient_are_even_in_number_as_trl_groups_them_by_two(plan: Batches) -> None:
    found = even(plan)
    assert found.step * found.steps % 2 == 0
    assert found.step >= plan.step
    assert (found == plan) == (plan.step * plan.steps % 2 == 0)
    assert (found.rows == 1) == (plan.rows == 1)  # one that fills the memory alone stays alone


def round_of(made: Recipe, *samples: Sample) -> tuple[Round, list[float]]:
    grouped = group_by_instance(samples)
    found = advantages(made, samples, grouped)
    return lay_out(samples, trainable_groups(made, samples, found, grouped)), found


def two(instance: str, number: int, reward: float) -> Sample:
    """A sample of two calls, of one and of three tokens."""
    return Sample(instance, number, reward, [Call([1], [number]), Call([1, 2], [number, 4, 5])])


def test_the_weights_of_a_step_of_cloning_sum_to_one_for_each_of_its_calls() -> None:
    made = recipe("best-of-n", {"batch": 2, "epochs": 2})
    samples = [two("a", 0, 1), two("a", 1, 1), two("a", 2, 0), two("b", 0, 0), two("b", 1, 0.5)]
    steps = cloned(*round_of(made, *samples), made, 1, 1)
    for step in steps:
        assert sum(row.weight for row in step) == pytest.approx(2)  # calls
    assert {row.call.tokens[0] for step in steps for row in step} == {0, 1}


def test_pairs_are_compared_call_by_call() -> None:
    made = recipe("dpo", {})
    (step,) = compared(round_of(made, two("a", 0, 0), two("a", 1, 1))[0], made, 1, 1)
    assert [(better.tokens[0], worse.tokens[0]) for better, worse in step] == [(1, 0), (1, 0)]
    assert [len(better.tokens) for better, _ in step] == [1, 3]


def test_the_advantage_of_an_episode_is_shared_by_the_tokens_of_its_calls() -> None:
    rows = rewarded(*round_of(recipe("grpo", {}), two("a", 0, 0), two("a", 1, 1)))
    assert [row.weight for row in rows] == [-0.25, -0.75, 0.25, 0.75]
    assert [row.reward for row in rows] == [0, 0, 1, 1]
    assert math.fsum(row.weight for row in rows) == 0


def test_steps_are_filled_up_to_equal_size() -> None:
    assert filled([1, 2], 4, 0) == [1, 2, 0, 0]
