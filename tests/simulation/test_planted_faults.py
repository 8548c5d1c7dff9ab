"""The simulation bites: each fault that is planted into the engine is found by a history that passes without it."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tests.simulation.faults import PLANTED
from tests.simulation.history import History, Incident, calm, play
from tests.simulation.model import Violation
from tests.simulation.test_histories import FAILED


class Strike(NamedTuple):
    """An incident `after` effects behind the `nth` one (from 0) at a place of a calm world: other effects move none."""

    world: int
    place: str
    nth: int
    what: str
    roll: float = 0.0
    after: int = 0

    def history(self) -> History:
        """The history with this incident alone."""
        places = [at for at, place in enumerate(calm(self.world).places, 1) if place == self.place]
        return History(self.world, (Incident(places[self.nth] + self.after, self.what, self.roll),))


FINDS: dict[str, tuple[Strike | History, str]] = {
    "refs before the commit": (Strike(1, "store", 0, "kill", after=4), "what is in no log"),
    "an error after the commit reaches the step": (Strike(1, "tip", 8, "fault"), "not the one that was"),
    "a failed group commit is forgotten": (Strike(6, "commit", 10, "fault"), "is over 5 units"),
    "replies are not recorded before they are used": (Strike(1, "answered", 1, "kill", after=2), "are in no log"),
    "the tip is ahead of the disk": (Strike(1, "tip", 10, "power", 0.02, after=2), "ahead of its log"),
    "a kill from outside is blamed on the candidate": (Strike(1, "solve", 0, "fault", 0.9), "is blamed"),
    "nobody claims a call": (FAILED["a fork asked what its parent was asking"], "by two engines at the same time"),
    "billed replies are counted nowhere": (Strike(1, "send", 0, "fault", 0.5), "are in no log"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PLANTED))
def test_a_history_finds_the_planted_fault(name: str) -> None:
    found, broken = FINDS[name]
    history = found if isinstance(found, History) else found.history()
    play(history)
    with PLANTED[name](), pytest.raises(Violation, match=broken):
        play(history)
