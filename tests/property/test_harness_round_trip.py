"""Parameters and tunables: what is written is read back, and what a tunable admits is what it declares."""

from __future__ import annotations

import tomllib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_repo.harness import HarnessInvalid, dump_params, parse
from harness_repo.tunable import Tunable, Value

AGENT = b"def solve(instance, ctx):\n    return 0\n"
values = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
)  # fmt: skip
params = st.dictionaries(st.text(min_size=1, max_size=8), values, max_size=6)


def typed(given: dict[str, Value]) -> list[tuple[str, type, Value]]:
    return [(name, type(value), value) for name, value in sorted(given.items())]


@given(params)
def test_dumped_parameters_are_read_back(given: dict[str, Value]) -> None:
    assert typed(tomllib.loads(dump_params(given).decode())) == typed(given)
    files = {"harness.toml": b'name = "x"', "agent.py": AGENT, "params.toml": dump_params(given)}
    harness = parse(files)
    assert typed(harness.params) == typed(given)
    assert parse(harness.files) == harness
    assert harness.with_params({}).files["params.toml"] == dump_params(given)


@given(st.lists(values, min_size=1, max_size=4), values)
def test_a_choice_admits_its_choices_by_value_and_type(choices: list[Value], value: Value) -> None:
    tunable = Tunable("choice", choices=choices)
    assert all(map(tunable.admits, choices))
    assert tunable.admits(value) == any((type(value), value) == (type(one), one) for one in choices)


@given(st.sampled_from(["int", "float"]), st.integers(-50, 50), st.integers(1, 50), values)
def test_a_range_admits_what_lies_in_it(kind: str, low: int, size: int, value: Value) -> None:
    tunable = msgspec.convert({"type": kind, "low": low, "high": low + size}, Tunable)
    wanted = (int,) if kind == "int" else (int, float)
    assert tunable.admits(value) == (type(value) in wanted and low <= value <= low + size)  # type: ignore[operator]


@given(st.integers(-20, 20))
def test_with_params_takes_exactly_what_is_admitted(value: int) -> None:
    manifest = b'name = "x"\n[tunables.k]\ntype = "int"\nlow = -5\nhigh = 5\n'
    harness = parse({"harness.toml": manifest, "agent.py": AGENT, "params.toml": b"k = 0\n"})
    if harness.manifest.tunables["k"].admits(value):
        assert harness.with_params({"k": value}).params == {"k": value}
    else:
        with pytest.raises(HarnessInvalid):
            harness.with_params({"k": value})
