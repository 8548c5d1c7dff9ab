"""Whatever the caps and sizes, no run uses more than its cap, warns twice for one thing, or fails to end."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core.state import fold
from engine.events import types as t
from tests import histories
from tests.histories import Memory, Play, started

runs = st.fixed_dictionaries(
    {
        "generations": st.integers(1, 4),
        "probes": st.integers(0, 4),
        "probe_fold": st.integers(1, 5),
        "train_sample": st.integers(0, 6),
        "repeats": st.integers(1, 2),
        "noisy": st.booleans(),
        "budget": st.builds(
            t.Budget,
            evaluations=st.none() | st.integers(1, 150),
            minutes=st.none() | st.floats(0.01, 5),
        ),
    }
)
counts = st.fixed_dictionaries({"train": st.integers(0, 6), "val": st.integers(1, 8), "test": st.just(1)})
trouble = st.sets(
    st.tuples(
        st.sampled_from(["baseline", "write", "execute", "analyse", "improve"]), st.integers(0, 3), st.integers(1, 4)
    ),
    max_size=4,
)


@settings(max_examples=60, deadline=None)
@given(runs, counts, trouble, trouble, st.sets(st.integers(1, 3)))
def test_a_cap_is_never_exceeded(
    chosen: dict[str, object],
    sizes: dict[str, int],
    fails: set[tuple[str, int, int]],
    crashes: set[tuple[str, int, int]],
    barren: set[int],
) -> None:
    play = Play(Memory(), started(histories.settings(**chosen), sizes), fails=fails, crashes=crashes, barren=barren)
    state = play.to_rest()
    cap = state.settings.budget.evaluations
    assert cap is None or state.spent.evaluations + state.spent.reused <= cap
    assert state.status in ("finished", "failed")
    assert state.reason
    assert max(Counter(state.warned).values(), default=1) == 1
    if cap is not None:
        assert ("evaluations:0.5" in state.warned) == (state.spent.evaluations >= cap / 2) or state.status == "failed"
    assert fold(play.log.events) == state
