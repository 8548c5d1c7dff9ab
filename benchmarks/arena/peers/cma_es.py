"""CMA-ES (`cma`) from the start, restarted with twice the population (IPOP) from a random point where it stops.

It knows the unit cube alone: each tunable is a coordinate, logarithms and whole numbers are encoded, and a choice is
the part of [0, 1] in which its coordinate lies. Tunables without an effect are coordinates as well.
"""

import math
import random

import cma
from line_protocol import serve


class CmaEs:
    """A strategy, whose points are asked one at a time."""

    def __init__(self, task):
        self.space, self.chance, self.seed = task["space"], random.Random(task["seed"]), task["seed"] % 2**31 + 1
        self.size, self.restarts = None, 0
        self._begin([_encode(tunable, task["start"][name]) for name, tunable in self.space.items()])

    def _begin(self, at):
        options = {"bounds": [0, 1], "seed": self.seed + self.restarts, "verbose": -9}
        if self.size:
            options["popsize"] = self.size
        self.strategy = cma.CMAEvolutionStrategy(at, 0.3, options)
        self.size = self.strategy.popsize
        self.waiting, self.points, self.costs = [], [], []

    def ask(self):
        """The next values."""
        if not self.waiting:
            if self.strategy.stop():
                self.restarts, self.size = self.restarts + 1, 2 * self.size
                self._begin([self.chance.random() for _ in self.space])
            self.points = self.strategy.ask()
            self.waiting, self.costs = list(self.points), []
        point = self.waiting.pop(0)
        return {name: _decode(tunable, at) for (name, tunable), at in zip(self.space.items(), point, strict=True)}

    def tell(self, values, score):
        """Takes their score."""
        self.costs.append(-score)
        if not self.waiting:
            self.strategy.tell(self.points, self.costs)


def _encode(tunable, value):
    if tunable["type"] == "choice":
        return (tunable["choices"].index(value) + 0.5) / len(tunable["choices"])
    low, high = tunable["low"], tunable["high"]
    if tunable["log"]:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _decode(tunable, at):
    at = min(1.0, max(0.0, float(at)))
    if tunable["type"] == "choice":
        count = len(tunable["choices"])
        return tunable["choices"][min(count - 1, int(at * count))]
    low, high = tunable["low"], tunable["high"]
    value = low * (high / low) ** at if tunable["log"] else low + (high - low) * at
    value = min(high, max(low, value))
    return round(value) if tunable["type"] == "int" else value


if __name__ == "__main__":
    serve(CmaEs)
