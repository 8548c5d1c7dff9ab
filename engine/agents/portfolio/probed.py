"""What probes show of a harness: which values were tried, the best of them, and the best of each structure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Value

Params = dict[str, Value]


def active_values(harness: Harness, params: Mapping[str, Value]) -> Params:
    """The values, of `params` or else the harness's own, that have an effect."""
    merged = dict(harness.params) | dict(params)
    return {name: merged[name] for name in harness.active(merged)}


def key(harness: Harness, params: Mapping[str, Value]) -> bytes:
    """Equal for proposals that differ only in inactive values."""
    return msgspec.json.encode(dict(sorted(active_values(harness, params).items())))


def structure(harness: Harness, params: Mapping[str, Value]) -> tuple[Value, ...]:
    """The values of the active structural tunables."""
    merged = dict(harness.params) | dict(params)
    return tuple(merged[name] for name, tunable in harness.active(merged).items() if tunable.structural)


def degrees(harness: Harness, params: Mapping[str, Value]) -> list[str]:
    """The active tunables that are not structural."""
    active = harness.active({**harness.params, **params})
    return [name for name, tunable in active.items() if not tunable.structural]


def eligible(probe: t.ProbeFinished) -> bool:
    """Whether the probe may become a candidate: it ran on the whole fold, and passed the private check."""
    return not probe.failure and not probe.refused and not probe.stopped


def expected(probe: t.ProbeFinished) -> float:
    """Its score; of one that stopped early, what the fold would show if the rest were as far behind the best probe."""
    return probe.score.score + (probe.stopped.whole - probe.stopped.same if probe.stopped else 0.0)


def best(probes: Iterable[t.ProbeFinished]) -> t.ProbeFinished | None:
    """The eligible probe with the highest score; the earliest of equals."""
    return max(filter(eligible, probes), key=lambda probe: probe.score.score, default=None)


def leaders(harness: Harness, probes: Iterable[t.ProbeFinished]) -> list[t.ProbeFinished]:
    """The best probe of each structure, best first, so that a round varies several structures."""
    by_structure: dict[tuple[Value, ...], list[t.ProbeFinished]] = {}
    for probe in probes:
        by_structure.setdefault(structure(harness, probe.params), []).append(probe)
    found = [leader for group in by_structure.values() if (leader := best(group)) is not None]
    return sorted(found, key=lambda probe: -probe.score.score)


def find(harness: Harness, params: Mapping[str, Value], probes: Iterable[t.ProbeFinished]) -> t.ProbeFinished | None:
    """The first probe of those values."""
    wanted = key(harness, params)
    return next((probe for probe in probes if key(harness, probe.params) == wanted), None)


def untried_choices(harness: Harness, probes: Iterable[t.ProbeFinished]) -> list[Params]:
    """Each value of an active structural tunable that no probe had, alone."""
    tried = {(name, value) for probe in probes for name, value in probe.params.items()}
    tried |= set(harness.params.items())
    return [
        {name: choice}
        for name, tunable in harness.active(harness.params).items()
        if tunable.structural
        for choice in tunable.choices
        if (name, choice) not in tried
    ]
