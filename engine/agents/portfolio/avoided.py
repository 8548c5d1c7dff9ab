"""Known failures: proposals that are not made again close by.

A probe has failed if it raised, timed out, or was refused by the private check; not if the verifier or the machine
broke. Two rules say what is avoided:

- a choice that at least `REPEATED` probes had, all of which failed;
- a proposal near at least `REPEATED` probes that failed, and near none that ran: all choices are the same, and each
  number is within `NEAR` of its range.

The harness's own values are never avoided.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from engine.agents.portfolio import probed
from engine.agents.portfolio.encoding import place
from engine.agents.portfolio.probed import Params
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Value

REPEATED = 2
NEAR = 0.1


class Avoided:
    """What the failures among `probes` rule out."""

    def __init__(self, harness: Harness, probes: Sequence[t.ProbeFinished]) -> None:
        self._harness = harness
        self._own = probed.active_values(harness, {})
        self._failed = [probed.active_values(harness, one.params) for one in probes if _failed(one)]
        self._ran: list[Params] = []
        self._choices: set[tuple[str, type, Value]] = set()
        if len(self._failed) < REPEATED:
            return
        self._ran = [probed.active_values(harness, one.params) for one in probes if not _failed(one)]
        counts: dict[tuple[str, type, Value], int] = defaultdict(int)
        for values in self._failed:
            for choice in self._choices_of(values):
                counts[choice] += 1
        fine = {choice for values in self._ran for choice in self._choices_of(values)}
        own = self._choices_of(self._own)
        self._choices = {one for one, count in counts.items() if count >= REPEATED and one not in fine | own}

    def __contains__(self, params: object) -> bool:
        """Whether values are ruled out."""
        if len(self._failed) < REPEATED or not isinstance(params, Mapping):
            return False
        values = probed.active_values(self._harness, params)
        if values == self._own:
            return False
        if self._choices & self._choices_of(values):
            return True
        close = sum(self._is_near(values, other) for other in self._failed)
        return close >= REPEATED and not any(self._is_near(values, other) for other in self._ran)

    def _choices_of(self, values: Mapping[str, Value]) -> set[tuple[str, type, Value]]:
        tunables = self._harness.manifest.tunables
        return {(name, type(value), value) for name, value in values.items() if tunables[name].type == "choice"}

    def _is_near(self, one: Mapping[str, Value], other: Mapping[str, Value]) -> bool:
        if one.keys() != other.keys():
            return False
        for name, value in one.items():
            tunable, beside = self._harness.manifest.tunables[name], other[name]
            if tunable.type == "choice":
                if (type(value), value) != (type(beside), beside):
                    return False
            elif abs(place(tunable, value) - place(tunable, beside)) > NEAR:
                return False
        return True


def _failed(probe: t.ProbeFinished) -> bool:
    broke = probe.failure is not None and probe.failure.kind not in ("verifier", "infrastructure")
    return broke or probe.refused
