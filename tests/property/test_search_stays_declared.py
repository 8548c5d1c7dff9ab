"""Over generated manifests the search never leaves what was declared, and never asks the same twice."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.agents.protocol import Proposal
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value
from tests.searching import FakeLab, harness, improve, view

choices = st.lists(st.sampled_from(["a", "b", "c", 1, 2.5, 0]), min_size=1, max_size=4, unique=True)


@st.composite
def tunables(draw: Any) -> Harness:
    declared: dict[str, Tunable] = {}
    params: dict[str, Value] = {}
    for name in ("one", "two", "three", "four")[: draw(st.integers(1, 4))]:
        kind = draw(st.sampled_from(["choice", "int", "float"]))
        when: dict[str, list[Value]] = {}
        if declared and draw(st.booleans()):
            other = draw(st.sampled_from(sorted(declared)))
            when = {other: [params[other]] if draw(st.booleans()) else list(declared[other].choices)}
        if kind == "choice":
            options = draw(choices)
            declared[name] = Tunable("choice", choices=options, structural=draw(st.booleans()), when=when)
            params[name] = draw(st.sampled_from(options))
        else:
            log = draw(st.booleans())
            low = draw(st.integers(1, 20) if log else st.integers(-20, 20))
            high = low + draw(st.integers(1, 30))
            declared[name] = Tunable(kind, low=low, high=high, log=log, when=when)
            params[name] = draw(st.integers(low, high) if kind == "int" else st.floats(low, high))
    return harness(declared, params)


@settings(max_examples=25, deadline=None)
@given(tunables(), st.integers(0, 10), st.integers(0, 99), st.integers(0, 12))
def test_no_value_outside_what_is_declared(of: Harness, probes: int, seed: int, limit: int) -> None:
    lab = FakeLab(of, lambda params: len(lab.found) / 1000, limit)  # refuses a value that is not admitted
    made = improve(view(of, probes=probes, seed=seed), lab)
    assert len(lab.asked) <= probes
    for ask in lab.asked:
        assert ask.params.keys() == of.params.keys()
        if ask.why == "drawn by TPE":
            idle = ask.params.keys() - of.active(ask.params).keys()
            assert all(ask.params[name] == of.params[name] for name in idle)
    active = [{name: ask.params[name] for name in of.active(ask.params)} for ask in lab.asked]
    keys = [msgspec.json.encode(one, order="sorted") for one in active]
    assert len(keys) == len(set(keys))
    again = FakeLab(of, lambda params: len(again.found) / 1000, limit)
    assert improve(view(of, probes=probes, seed=seed), again) == made
    assert again.asked == lab.asked
    if isinstance(made, Proposal):
        assert made.harness.params in [probe.params for probe in lab.found]
