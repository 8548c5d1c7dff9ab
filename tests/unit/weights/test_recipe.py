"""A recipe is checked before anything is computed: names, bounds, and what makes no sense together."""

from __future__ import annotations

import math
from typing import Any

import pytest

from engine.errors import SiaError
from engine.weights.recipe import ALGORITHMS, parameters, recipe


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_defaults_of_every_algorithm_are_the_papers_and_within_bounds(algorithm: str) -> None:
    made = recipe(algorithm, {})
    assert (made.rank, made.alpha, made.learning_rate) == (32, 64.0, 4e-5)
    assert recipe(algorithm, {name: getattr(made, name) for name in parameters(algorithm)}) == made


@pytest.mark.parametrize(
    ("algorithm", "given", "says"),
    [
        ("sarsa", {}, "there is no training algorithm 'sarsa'; choose one of grpo"),
        ("grpo", {"learning_rat": 1}, "grpo has no hyper-parameter 'learning_rat'; it has learning_rate"),
        ("grpo", {"gae_lambda": 0.9}, "grpo has no hyper-parameter 'gae_lambda'"),
        ("best-of-n", {"kl": 0.1}, "best-of-n has no hyper-parameter 'kl'"),
        ("grpo", {"samples": 1}, "samples cannot be 1; it is a whole number from 2 to 256"),
        ("grpo", {"rank": 2.5}, "rank cannot be 2.5; it is a whole number from 1 to 64"),
        ("grpo", {"rank": True}, "rank cannot be True"),
        ("grpo", {"learning_rate": "1e-4"}, "learning_rate cannot be '1e-4'; it is a number from 1e-08 to 0.01"),
        ("grpo", {"learning_rate": math.nan}, "learning_rate cannot be nan"),
        ("grpo", {"temperature": 0}, "temperature cannot be 0"),
        ("reinforce", {"kl": 0}, "reinforce needs kl above 0"),
        ("reinforce", {"epochs": 2}, "present policy only"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence_with_its_remedy(
    algorithm: str, given: dict[str, Any], says: str
) -> None:
    with pytest.raises(SiaError, match=says.replace(".", r"\.")) as caught:
        recipe(algorithm, given)
    assert caught.value.remedy


def test_whole_numbers_serve_where_a_number_is_asked_for() -> None:
    assert recipe("grpo", {"alpha": 32}).alpha == 32.0
