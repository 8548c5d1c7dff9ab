"""How much of the incumbent's score on `val` is due to selection.

Noise decides in part who is accepted: the gains of accepted candidates are too large on average, and those of rejected
ones too small. How much of each gain is noise is estimated from all of them together, in standard errors: by as much as
their spread is noise, each is shrunk towards their mean (Efron and Morris, "Data analysis using Stein's estimator and
its generalizations", JASA 70, 1975). Such an estimate needs no correction for the selection (Efron, "Tweedie's formula
and selection bias", JASA 106, 2011). Both arms err alike, so half of the noise of a gain lies in the score of the one
who stayed: the candidate, if it was accepted, else the incumbent.

It knows the gate's selection only: not that of an agent that was told of `val`, nor a person's among runs.
`python -m benchmarks.optimism` compares it with the truth.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from engine.core.state import State
from engine.events import types as t
from engine.plain import decimal
from engine.queries import present_val

FEWEST = 4
"""The mean and the spread of fewer gains say too little."""


def optimism(state: State) -> float | None:
    """By how much the incumbent's score on `val` is expected to be too high; None where too few gains were tested.

    In a run that rotates, of the present `val` and the gains on it: a fresh one has selected nobody yet.
    """
    turns, now = state.rotation, present_val.number(state)
    return of_verdicts([one.verdict for one in state.generations if one.verdict and turns.number(one.n) == now])


def of_verdicts(verdicts: Iterable[t.GateDecided]) -> float | None:
    """The same from the verdicts of a run, in any order. Repeats are drawn anew for each verdict, and do not count.

    Where the gate looked twice, the gain on `val` is that of the first look.
    """
    judged = [one for one in verdicts if "permutation" in one.test and one.unit != "repeat"]
    looks = [(one.looks[0] if one.looks else one, one.accepted) for one in judged]
    tested = [(look, accepted) for look, accepted in looks if look.se > 0]
    if len(tested) < FEWEST:
        return None
    gains = [look.difference / look.se for look, _ in tested]
    middle = math.fsum(gains) / len(gains)
    spread = math.fsum((gain - middle) ** 2 for gain in gains)
    noise = min(1.0, (len(gains) - 3) / spread) if spread else 1.0
    found = [
        look.se * noise * (gain - middle) * (1 if accepted else -1)
        for gain, (look, accepted) in zip(gains, tested, strict=True)
    ]
    return max(0.0, math.fsum(found) / 2)


def sentence(share: float, score: float) -> str:
    """The estimate, for a person."""
    return f"about {share:.2g} of the {decimal(score)} on val is selection: the gate kept what noise favoured"
