"""The search agent's levers: which one is next, with which algorithm, and why."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.agents.levers import RECIPES, TrainingChoice, choose_training
from engine.agents.protocol import PastGeneration, View
from engine.events import types as t
from engine.weights.recipe import recipe
from harness_repo.harness import parse
from tests.agent_tools import view

TUNED = parse(
    {
        "harness.toml": b'name = "a"\n[tunables.k]\ntype = "int"\nlow = 0\nhigh = 2\n',
        "params.toml": b"k = 0\n",
        "agent.py": b"def solve(instance, ctx):\n    return 0\n",
    }
)


def past(n: int, lever: t.Lever | None, *, accepted: bool = True) -> PastGeneration:
    return PastGeneration(n, f"h{n}", {}, lever, "0.5000 ± 0.1000", accepted, "said the gate")


def result(score: float) -> t.InstanceFinished:
    return t.InstanceFinished("h", "train", "train-1", 0, 1, "p", score)


def seen(*levers: t.Lever | None, policy: t.LeverPolicy = "auto", rewards: tuple[float, ...] = (), **more: Any) -> View:
    one = view(past=[past(n, lever) for n, lever in enumerate(levers, 1)], harness=TUNED, **more)
    return replace(one, settings=replace(one.settings, lever=policy), train=[result(reward) for reward in rewards])


def pulled(one: View) -> TrainingChoice:
    found = choose_training(one, trainable=True)
    assert found is not None
    return found


def test_the_harness_comes_first_and_the_levers_take_turns() -> None:
    assert choose_training(seen(None), trainable=True) is None
    assert "stalled" in pulled(seen(None, "harness")).reason
    assert choose_training(seen(None, "harness", "weights"), trainable=True) is None


def test_where_nothing_came_of_one_lever_the_other_has_its_turn() -> None:
    assert "the harness lever produced no candidate" in pulled(seen(None, failed=["nothing"])).reason
    assert choose_training(seen(None, "harness", failed=["nothing"]), trainable=True) is None


def test_a_harness_that_declares_nothing_leaves_the_weights() -> None:
    bare = parse({"harness.toml": b'name = "a"\n', "agent.py": b"def solve(instance, ctx):\n    return 0\n"})
    assert "declares nothing" in pulled(replace(seen(None), harness=bare)).reason


@pytest.mark.parametrize("policy", ["harness", "best-of-n"])
def test_other_policies_never_train(policy: t.LeverPolicy) -> None:
    assert choose_training(seen(None, "harness", policy=policy), trainable=True) is None
    assert choose_training(seen(None, policy="weights"), trainable=False) is None


def test_the_algorithm_follows_from_what_the_results_tell() -> None:
    assert pulled(seen(None, policy="weights", rewards=(0, 1, 0, 0))).algorithm == "best-of-n"
    assert pulled(seen(None, policy="weights", rewards=(0, 1, 1, 1))).algorithm == "grpo"
    assert pulled(seen(None, "weights", policy="weights", rewards=(0, 1, 0, 0))).algorithm == "grpo"
    assert pulled(seen(None, policy="weights", rewards=(*[0.01] * 20, 5.0))).algorithm == "entropic"
    rejected = replace(seen(None), past=[past(1, None), past(2, "weights", accepted=False)])
    found = pulled(replace(rejected, settings=replace(rejected.settings, lever="weights")))
    assert (found.algorithm, "not accepted" in found.reason) == ("reinforce", True)


@pytest.mark.parametrize("algorithm", RECIPES)
def test_the_recipes_are_valid(algorithm: str) -> None:
    assert recipe(algorithm, RECIPES[algorithm]).algorithm == algorithm
