"""A round as TRL takes it: rows of a prompt and a completion, in gradient steps of equally many rows.

A row is a model call. Rows of padding, which teach nothing, fill steps up. Pure: no tensor is computed here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from engine.seeds import derive
from engine.weights.recipe import Recipe
from engine.weights.round import Round, pairs, steps
from engine.weights.sample import Call

Some = TypeVar("Some")


class Row(NamedTuple):
    """A call with the reward of its sample. `weight` is its share of a step's loss, or its advantage."""

    call: Call
    weight: float
    reward: float = 0.0

    @property
    def size(self) -> int:
        """The number of tokens."""
        return len(self.call.prompt) + len(self.call.tokens)


class Batches(NamedTuple):
    """How a step is computed: `accumulated` times a batch of `rows` on each of `devices`; `steps` of them."""

    rows: int
    accumulated: int
    devices: int
    steps: int

    @property
    def step(self) -> int:
        """The rows of a gradient step."""
        return self.rows * self.accumulated * self.devices


def batches(count: int, steps: int, longest: int, *, tokens: int, devices: int) -> Batches:
    """Batches for `steps` of `count` rows each, of at most `tokens` tokens a device where `longest` allows it."""
    each = -(-count // devices)
    accumulated = -(-each // max(1, tokens // max(1, longest)))
    return Batches(-(-each // accumulated), accumulated, devices, steps)


def even(plan: Batches) -> Batches:
    """The same with an even number of rows in all, as TRL's GRPO asks for; a batch of one row stays one."""
    if plan.step * plan.steps % 2 == 0:
        return plan
    return plan._replace(rows=plan.rows + 1) if plan.rows > 1 else plan._replace(accumulated=plan.accumulated + 1)


def cloned(round: Round, shares: Sequence[float], recipe: Recipe, seed: int, number: int) -> list[list[Row]]:
    """The rows of each gradient step of cloning: the weights of a step are those of our loop, divided as it does."""
    found = []
    for units in _plan(round, recipe, seed, number):
        places = [place for unit in units for place in round.groups[unit]]
        total = sum(shares[place] for place in places)
        found.append([Row(call, shares[place] / total) for place in places for call in _calls(round, place)])
    return found


def compared(round: Round, recipe: Recipe, seed: int, number: int) -> list[list[tuple[Call, Call]]]:
    """The pairs (better, worse) of each gradient step of DPO; several calls of an episode are compared one by one."""
    return [
        [
            calls
            for unit in units
            for better, worse in pairs(round, unit)
            for calls in zip(_calls(round, better), _calls(round, worse), strict=False)
        ]
        for units in _plan(round, recipe, seed, number)
    ]


def rewarded(round: Round, advantages: Sequence[float]) -> list[Row]:
    """The rows of a policy gradient. TRL takes a mean over a row's tokens; ours is one over those of all calls."""
    found = []
    for place, episode in round.episodes.items():
        for call in _calls(round, place):
            share = len(call.tokens) / len(episode)
            found.append(Row(call, advantages[place] * share, round.samples[place].reward))
    return found


def filled(some: Sequence[Some], size: int, padding: Some) -> list[Some]:
    """`some`, filled up with `padding`."""
    return [*some, *[padding] * (size - len(some))]


def _plan(round: Round, recipe: Recipe, seed: int, number: int) -> Iterator[list[int]]:
    for epoch in range(recipe.epochs):
        yield from steps(round, recipe.batch, derive(seed, "order", number, epoch))


def _calls(round: Round, place: int) -> list[Call]:
    return [call for call in round.samples[place].calls if call.tokens]
