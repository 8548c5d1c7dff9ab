"""A program as something to search: what becomes a tunable, and what does not."""

from __future__ import annotations

import pytest

from harness_repo.evolvable import SKELETON, read, render
from harness_repo.harness import HarnessInvalid, parse

PROGRAM = '''"""Two numbers, 3 and 4, in a docstring."""
import math

OUTSIDE = 7

# EVOLVE-BLOCK-START
def walk(x: float, steps=100, rate=0.05) -> float:
    seen = [0.0] * 3
    for _ in range(steps):
        step = min(rate, x)
        if step < 0.001 and seen[0] is not None:
            x = x - step
    return math.tanh(x)
# EVOLVE-BLOCK-END


def check(x):
    return x > 12
'''


def test_numbers_comparisons_and_extremes_of_the_block_are_tunables_by_the_program_s_own_names() -> None:
    tunables, values = read(PROGRAM)
    assert values["walk.steps"] == 100 and values["walk.rate"] == 0.05
    assert values["walk.comparison"] == "<" and values["walk.min or max"] == "min" and values["walk.operator"] == "-"
    assert 7 not in values.values() and 12 not in values.values()
    assert (tunables["walk.steps"].low, tunables["walk.steps"].high) == (10, 1000) and tunables["walk.steps"].log
    assert tunables["walk.min or max"].choices == ["min", "max"]


def test_an_index_an_annotation_and_a_seed_are_no_tunables() -> None:
    _, values = read("def f(x: 'int' = 5, seed=3):\n    return x[1:2], g(axis=1), f'{x:>10}'\n")
    assert {value for name, value in values.items() if name != SKELETON} == {5}


def test_a_returned_number_without_a_number_can_be_bent() -> None:
    _, values = read(PROGRAM)
    bent = render(PROGRAM, values | {"walk.return": "bent", "walk.return.scale": 0.5, "walk.return.bend": -0.1})
    assert "    return 0.5 * (math.tanh(x)) + -0.1 * (math.tanh(x)) ** 3\n" in bent
    assert render(bent, {"walk.return": "as it is"}) == PROGRAM


def test_a_change_inside_a_bent_return_reaches_both_of_its_halves() -> None:
    bent = "def f(x) -> float:\n    return 0.5 * (max(x, y)) + 0.25 * (max(x, y)) ** 3\n"
    assert render(bent, {"f.min or max": "min"}) == bent.replace("max", "min")


def test_what_cannot_be_parsed_has_no_tunables() -> None:
    assert read("def f(:\n") == ({}, {})
    assert read("print('hello')\n") == ({}, {})


FILES = {
    "harness.toml": b'name = "h"\nevolve = "program.py"\n',
    "agent.py": b"def solve(instance, ctx):\n    return 1\n",
    "program.py": b"WIDTH = 4\n",
}


def test_a_harness_that_evolves_has_its_program_s_values_for_parameters() -> None:
    harness = parse(FILES)
    assert harness.params["WIDTH"] == 4
    changed = harness.with_params({"WIDTH": 9})
    assert changed.files["program.py"] == b"WIDTH = 9\n"
    assert changed.params["WIDTH"] == 9
    assert {path for path in FILES if changed.files[path] != harness.files[path]} == {"program.py"}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"program.py": b"\xff"}, "does not parse"),
        ({"params.toml": b"a = 1\n"}, "declares no tunables"),
        ({"harness.toml": b'name = "h"\nevolve = "other.py"\n'}, "not among the files"),
    ],
)
def test_a_harness_that_cannot_evolve_is_refused(files: dict[str, bytes], why: str) -> None:
    with pytest.raises(HarnessInvalid, match=why):
        parse(FILES | files)


def test_a_value_beyond_the_range_is_refused() -> None:
    with pytest.raises(HarnessInvalid, match="outside what may be searched"):
        parse(FILES).with_params({"WIDTH": 4000})
