"""Which `val` a generation is judged on: in a run that rotates, a fresh one of the reserve each so many generations.

With `rotate` m, generations 1 to m are judged on the domain's `val`, which is number 1, the next m on number 2, and so
on. Each fresh one is a part of the reserve, as large as `val` as far as groups allow. Where there is none left, as
generations were added later, the last one stays. At its first generation the incumbent is executed beside the
candidate, so that both arms of every verdict have answered the same instances. Scores on different numbers are never
compared. Since rules 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from engine.errors import SiaError
from engine.events import types as t
from engine.plain import plural

FRESH = "fresh"
"""Under this name `run.started` counts the fresh vals that the reserve has."""


class Rotation(NamedTuple):
    """A fresh val `every` so many generations (0: never), and how many of them there are."""

    every: int
    fresh: int

    def number(self, generation: int) -> int:
        """Which val the generation is judged on, from 1."""
        return 1 + min((generation - 1) // self.every, self.fresh) if self.every else 1

    def first(self, generation: int) -> int:
        """The first generation that was judged on the same val."""
        return (self.number(generation) - 1) * self.every + 1

    def begins_at(self, generation: int) -> bool:
        """Whether the generation is the first on a fresh val."""
        return generation > 1 and self.first(generation) == generation

    def executed_in(self, incumbent: int, generation: int) -> int:
        """The generation in which the candidate of `incumbent` was executed on the val of `generation`."""
        return max(incumbent, self.first(generation))


NEVER = Rotation(0, 0)


def rotation(settings: t.Settings, counts: Mapping[str, int]) -> Rotation:
    """The rotation of a run with these settings, on a domain with these counts."""
    return Rotation(settings.rotate, counts.get(FRESH, 0))


def check(domain: str, settings: t.Settings, counts: Mapping[str, int]) -> None:
    """Raises `SiaError` where the reserve has not as many fresh vals as the generations take."""
    if not settings.rotate:
        return
    wanted, found = (settings.generations - 1) // settings.rotate, counts.get(FRESH, 0)
    if counts["val"] < 2 or found < wanted:
        raise SiaError(
            f"a fresh val each {settings.rotate} of {plural(settings.generations, 'generation')} takes "
            f"{plural(wanted, 'fresh val')} of {plural(counts['val'], 'instance')}, "
            f"and the reserve of {domain} has {found}",
            "pass a larger --reserve or a larger --rotate, or leave --rotate out",
        )
