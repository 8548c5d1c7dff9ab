"""`evolve` leaves its input as it was, and the same events give the same state."""

from __future__ import annotations

import copy

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.decide import decide
from engine.core.state import State, evolve
from tests.histories import Memory, Play


@settings(max_examples=25, deadline=None)
@given(
    st.sets(
        st.tuples(st.sampled_from(["execute", "analyse", "improve"]), st.integers(1, 2), st.integers(1, 3)), max_size=3
    ),
    st.sets(st.integers(1, 3), max_size=2),
)
def test_evolve_never_changes_what_it_is_given(crashes: set[tuple[str, int, int]], barren: set[int]) -> None:
    play = Play(Memory(), crashes=crashes, barren=barren)
    play.to_rest()
    state = State()
    for event in play.log.events:
        before = copy.deepcopy(state)
        following = evolve(state, event)
        assert state == before
        assert msgspec.json.encode(state) == msgspec.json.encode(before)
        assert evolve(before, event) == following
        state = following
        assert decide(state) == decide(copy.deepcopy(state))
