"""Whole runs on a simulated machine, with deaths, faults and persons: every promise holds in each history."""

from __future__ import annotations

from tests.simulation.history import History, Incident, generated, play

SEEDS = range(6)
FAILED: dict[str, History] = {
    "a fork asked what its parent was asking": History(
        19, (Incident(152, "kill", 0.100394), Incident(348, "fork", 0.552562))
    ),
    "engines came and went while the disk was locked": History(
        30,
        (
            Incident(105, "outage", 0.079812),
            Incident(138, "outage", 0.440036),
            Incident(207, "outage", 0.083666),
            Incident(275, "outage", 0.927647),
            Incident(352, "outage", 0.105413),
            Incident(361, "outage", 0.950036),
            Incident(412, "outage", 0.21925),
        ),
    ),
    "an engine that was displaced waited for an approval for ever": History(
        41,
        (
            Incident(82, "takeover", 0.556852),
            Incident(339, "fork", 0.951073),
            Incident(340, "stop", 0.07516),
            Incident(499, "fork", 0.764119),
            Incident(534, "stop", 0.909199),
            Incident(669, "stop", 0.75832),
            Incident(843, "takeover", 0.05794),
        ),
    ),
    "an Execution that had all its results was refused by the budget": History(
        34, (Incident(230, "power", 0.153655), Incident(346, "power", 0.853907), Incident(458, "kill", 0.582))
    ),
    "a takeover failed after it had the lock": History(
        37, (Incident(169, "takeover", 0.529692), Incident(178, "fault", 0.143284))
    ),
    "a power cut met what a killed engine had not synced": History(
        20, (Incident(51, "kill", 0.550486), Incident(53, "power", 0.412735))
    ),
    "memory was short also for a job that was tried again alone": History(27, (Incident(52, "outage", 0.647838),)),
    "a call that gave up ended another that was sent": History(
        19, (Incident(268, "outage", 0.276898), Incident(552, "outage", 0.599667))
    ),
    "a rival found no lock where a takeover had removed it": History(
        22, (Incident(259, "takeover", 0.794435), Incident(260, "rival", 0.084905))
    ),
}
"""Histories that once broke a promise, by what was wrong then."""


def test_every_promise_holds_in_recorded_histories() -> None:
    for history in [*FAILED.values(), *map(generated, SEEDS)]:
        play(history)
