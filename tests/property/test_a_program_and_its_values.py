"""A program and the values at its sites: reading and writing are inverse, and nothing else of the program changes."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.agents.portfolio.variation import step
from harness_repo.evolvable import SKELETON, read, render

NUMBERS = st.one_of(
    st.integers(0, 10_000).map(str),
    st.floats(0, 1e6, allow_nan=False).map(repr),
    st.sampled_from(["1_000", "0x10", "1e-3", "3.", ".5", "0.0", "(2.5)"]),
)
EXPRESSIONS = st.recursive(
    st.one_of(NUMBERS, st.sampled_from(["x", "y", "True", "f(x)", "x[0]", "-x", "'text'"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({parts[0]} {parts[1]} {parts[2]})"),
        st.tuples(inner, st.sampled_from(["<", ">=", " < "]), inner).map(lambda parts: f"({''.join(parts)})"),
        st.tuples(st.sampled_from(["min", "max", "f"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, k={p[2]})"),
    ),
    max_leaves=6,
)
LINES = st.one_of(
    EXPRESSIONS.map(lambda text: f"    x = {text}  # why"),
    EXPRESSIONS.map(lambda text: f"    if {text}:\n        x += {text}"),
    EXPRESSIONS.map(lambda text: f"    return {text}"),
    st.sampled_from(
        ["    return x", "    return x * y", "    return 0.5 * (x * y) + 0.25 * (x * y) ** 3", "", "    pass"]
    ),
)
PROGRAMS = st.lists(LINES, min_size=1, max_size=8).map(
    lambda lines: "# EVOLVE-BLOCK-START\ndef f(x, y=2, k=0.1) -> float:\n" + "\n".join([*lines, "    pass"]) + "\n"
)


@given(PROGRAMS)
@settings(max_examples=60, deadline=None)
def test_a_program_under_its_own_values_is_identical(source: str) -> None:
    tunables, values = read(source)
    assert render(source, values) == source
    assert all(tunables[name].admits(value) for name, value in values.items())


@given(PROGRAMS, st.integers(0, 1 << 30))
@settings(max_examples=60, deadline=None)
def test_a_program_under_other_values_has_those_values_and_the_same_skeleton(source: str, seed: int) -> None:
    tunables, values = read(source)
    draw = random.Random(seed)
    wanted = {name: step(tunable, values[name], draw) for name, tunable in tunables.items()}
    written = render(source, wanted)
    names, found = read(written)
    assert names.keys() == tunables.keys()
    for name, tunable in tunables.items():
        if all(wanted[on] in allowed for on, allowed in tunable.when.items()):
            assert found[name] == wanted[name], name
    # and back again
    assert read(render(written, values))[1] == values
    if SKELETON in tunables:
        assert found[SKELETON] == values[SKELETON]
