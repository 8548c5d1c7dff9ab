"""The simulation bites: each fault that is planted into the engine is found by a history that passes without it."""

from __future__ import annotations

import pytest

from tests.simulation.faults import PLANTED
from tests.simulation.history import History, Incident, calm, play
from tests.simulation.model import Violation
from tests.simulation.test_histories import FAILED

SIDE_BY_SIDE = FAILED["a fork asked what its parent was asking"]
FINDS = {
    "refs before the commit": (History(1, (Incident(199, "kill", 0.0),)), "what is in no log"),
    "an error after the commit reaches the step": (History(1, (Incident(155, "fault", 0.0),)), "not the one that was"),
    "a failed group commit is forgotten": (History(6, (Incident(234, "fault", 0.0),)), "not as in calm"),
    "replies are not recorded before they are used": (History(1, (Incident(139, "kill", 0.0),)), "are in no log"),
    "the tip is ahead of the disk": (History(1, (Incident(631, "power", 0.02),)), "ahead of its log"),
    "a kill from outside is blamed on the candidate": (History(1, (Incident(228, "fault", 0.9),)), "is blamed"),
    "nobody claims a call": (SIDE_BY_SIDE, "by two engines at the same time"),
    "billed replies are counted nowhere": (History(1, (Incident(229, "fault", 0.5),)), "are in no log"),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(PLANTED))
def test_a_history_finds_the_planted_fault(name: str) -> None:
    history, broken = FINDS[name]
    calm(history.world)
    play(history)
    with PLANTED[name](), pytest.raises(Violation, match=broken):
        play(history)
