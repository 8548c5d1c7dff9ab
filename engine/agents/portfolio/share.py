"""Who proposes next: Thompson sampling over what has paid (Chapelle and Li, "An empirical evaluation of Thompson
sampling", 2011)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TypeVar

from engine.agents.portfolio import probed
from engine.events import types as t

LATEST = 40
"""So many of the latest proposals decide which member is to propose."""
Of = TypeVar("Of")


def share_drawn(
    playing: Sequence[Of],
    probes: Sequence[t.ProbeFinished],
    proposed_by: Callable[[t.ProbeFinished], Of | None],
    chance: random.Random,
) -> Of:
    """Of each one that plays a share of successes is drawn, and the largest counts.

    A success is a probe that scored better than all before it. Each begins with one success and one failure.
    """
    wins = dict.fromkeys(playing, 1)
    losses = dict.fromkeys(playing, 1)
    top = max((probe.score.score for probe in probes[:-LATEST] if probed.eligible(probe)), default=float("-inf"))
    for probe in probes[-LATEST:]:
        better = probed.eligible(probe) and probe.score.score > top
        top = probe.score.score if better else top
        if (one := proposed_by(probe)) is not None:
            (wins if better else losses)[one] += 1
    return max(playing, key=lambda one: chance.betavariate(wins[one], losses[one]))
