"""Effects are found by the Improvement that they belong to, also where a branch has gone back to an earlier one."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from engine.core.effects import Effects
from engine.events import types as t
from engine.events.codec import encode
from tests.histories import chained

Turn = tuple[int, int]


def recorded(turns: Sequence[Turn]) -> Effects:
    effects = Effects()
    for n, (generation, attempt) in enumerate(turns):
        probe = t.ProbeFinished(generation, attempt, n, "", {}, "", t.Score(0.0, 0.0, 1), 1, 0.0, 0.0, "k", "")
        effects.add(chained("r", n + 1, (probe.type, probe.version, 0, generation, encode(probe)), ""))
    return effects


@pytest.mark.parametrize(
    "turns",
    [
        [(1, 0), (1, 0), (1, 1), (2, 0), (4, 0), (4, 0)],
        [(1, 0), (2, 0), (3, 0), (2, 0), (3, 0), (1, 1)],  # branched
        [],
    ],
)
def test_probes_are_those_of_earlier_improvements_in_the_order_of_the_log(turns: list[Turn]) -> None:
    effects = recorded(turns)
    for asked in {*turns, (0, 0), (3, 1), (9, 9)}:
        before, of = effects.probes_before(*asked), effects.probes_of(*asked)
        assert [probe.ordinal for probe in before] == [n for n, turn in enumerate(turns) if turn < asked]
        assert [probe.ordinal for probe in of] == [n for n, turn in enumerate(turns) if turn == asked]
