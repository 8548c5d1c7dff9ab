"""Agents that learn what they can of `val` from what they are told of each candidate, and end with a vote over it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.core.account import divide_level
from engine.core.gate import p_value, threshold
from engine.events.types import Gate

Floats = NDArray[np.float64]
_AT_ONCE = 500
SHARE = 0.5
"""Of `val` in `val` and reserve."""


class Climber(NamedTuple):
    """An agent that guesses the answers to questions with two answers, and ends with a vote over its guesses.

    A guess has the weight of what the agent was told of it: its mean on `val`, or, on a ladder, whether it was
    accepted. With `holding_back` the agent abstains first, and then answers one more part of the questions in each
    generation, so that a verdict tells whether its guesses there are good; then it answers all, and at last it turns
    those parts around that were rejected.
    """

    name: str
    generations: int
    holding_back: bool = False
    instances: int = 1068


CLIMBERS = (
    Climber("an agent that votes", 8),
    Climber("an agent that votes", 51),
    Climber("an agent that holds back", 51, holding_back=True),
)


def climb(
    climber: Climber, *, rules: int, runs: int, seed: int = 1, reserve: bool = False, rotate: int = 0
) -> tuple[float, float]:
    """The share of runs that accept a candidate that is no better, and the mean of the last candidate on `val`.

    Every candidate that answers all is right as often as not.
    """
    draw, alpha, n = np.random.default_rng(seed), threshold(Gate(), climber.generations), climber.instances
    early, late = divide_level(alpha, SHARE) if reserve else (alpha, 0.0)
    needed = Needed(n, fewest_wins(n, early), fewest_wins(2 * n, late) if reserve else None)
    parts = [min(_AT_ONCE, runs - done) for done in range(0, runs, _AT_ONCE)]
    find = _hold_back if climber.holding_back else _vote
    found = [find(draw, climber, some, needed, told=rules < 5, rotate=rotate) for some in parts]
    erred, last = (np.concatenate(column) for column in zip(*found, strict=True))
    return float(erred.mean()), float(last.mean())


def fewest_wins(most: int, alpha: float) -> NDArray[np.int64]:
    """By the number of units that changed, up to `most`, how many gains among them have a p-value below `alpha`."""
    found = [1]
    for changed in range(1, most + 1):
        wins = found[-1]
        while wins <= changed and p_value([1.0] * wins + [-1.0] * (changed - wins)) >= alpha:
            wins += 1
        found.append(wins)
    return np.array(found)


class Needed(NamedTuple):
    """The fewest gains that accept, by how many units changed: at the first `val` instances, and at all of them."""

    val: int
    first: NDArray[np.int64]
    both: NDArray[np.int64] | None

    @property
    def instances(self) -> int:
        """How many instances a candidate answers."""
        return self.val if self.both is None else 2 * self.val


def _accepted(candidate: Floats, incumbent: Floats, needed: Needed) -> NDArray[np.bool_]:
    better, worse = candidate > incumbent, candidate < incumbent
    wins, losses = better[:, : needed.val].sum(axis=1), worse[:, : needed.val].sum(axis=1)
    accepted = wins >= needed.first[wins + losses]
    if needed.both is not None:
        all_wins, all_losses = better.sum(axis=1), worse.sum(axis=1)
        accepted |= (wins > losses) & (all_wins >= needed.both[all_wins + all_losses])
    return np.asarray(accepted)


def _vote(
    draw: np.random.Generator, climber: Climber, runs: int, needed: Needed, *, told: bool, rotate: int
) -> tuple[NDArray[np.bool_], Floats]:
    shape = (runs, needed.instances)
    incumbent = draw.integers(0, 2, shape).astype(np.float64)
    weights: list[Floats] = []
    weight = incumbent.mean(axis=1) - 0.5 if told else np.ones(runs)
    votes, erred = weight[:, None] * (2 * incumbent - 1), np.zeros(runs, dtype=bool)
    for generation in range(2, climber.generations):
        weights.append(weight)
        if rotate and (generation - 1) % rotate == 0:  # what each guess says of fresh instances is another matter
            incumbent = draw.integers(0, 2, shape).astype(np.float64)
            votes = sum((one[:, None] * (2 * draw.integers(0, 2, shape) - 1) for one in weights), np.zeros(shape))
        candidate = draw.integers(0, 2, shape).astype(np.float64)
        accepted = _accepted(candidate, incumbent, needed)
        weight = candidate.mean(axis=1) - 0.5 if told else np.where(accepted, 1.0, -1.0)
        votes += weight[:, None] * (2 * candidate - 1)
        incumbent[accepted] = candidate[accepted]
        erred |= accepted
    last = (votes + 1e-9 * (draw.random(shape) - 0.5) > 0).astype(np.float64)
    return erred | _accepted(last, incumbent, needed), last[:, : needed.val].mean(axis=1)


def _hold_back(
    draw: np.random.Generator, climber: Climber, runs: int, needed: Needed, *, told: bool, rotate: int
) -> tuple[NDArray[np.bool_], Floats]:
    guess = draw.integers(0, 2, (runs, needed.instances)).astype(np.float64)
    turned, places = guess.copy(), np.arange(needed.instances) % needed.val
    # with a reserve, parts half as large: whether they are accepted is again as likely as not
    reach = needed.val * needed.val // needed.instances
    for generation, part in enumerate(np.array_split(np.arange(reach), climber.generations - 3), 2):
        if rotate and (generation - 1) % rotate == 0:  # of fresh instances no verdict has told anything
            guess = draw.integers(0, 2, guess.shape).astype(np.float64)
            turned = guess.copy()
        here = np.isin(places, part)
        right = guess[:, part].sum(axis=1)
        answered = np.where(here, guess, 0.0)
        good = right * 2 >= len(part) if told else _accepted(answered, np.zeros_like(guess), needed)
        turned[:, here] = np.where(good[:, None], guess[:, here], 1 - guess[:, here])
    return _accepted(turned, guess, needed), turned[:, : needed.val].mean(axis=1)
