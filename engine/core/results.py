"""The instance results of a run, by generation and arm. Folded beside the state, since there are many."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from domains.contract import Grade
from engine.core import units
from engine.core.gate import mean
from engine.core.units import Row
from engine.events import types as t
from engine.events.event import Event

Key = tuple[str, str, int]
"""(split, instance, repeat)"""
JUDGED = ("val", "reserve")
"""What the gate judges by; of results, agents see those of `train` only."""


class Results:
    """Grows with the log. `execution.finished` and the gate's verdicts are computed from it."""

    def __init__(self) -> None:
        self._arms: dict[tuple[int, str, str | None], dict[Key, t.InstanceFinished]] = {}
        self._reserves: dict[tuple[str, str | None], dict[Key, t.InstanceFinished]] = {}
        self._groups: dict[str, dict[str, str]] = {}
        self.is_noisy = False
        """Whether a candidate's scores on an instance of `val` differed from one repeat to another."""

    def add(self, event: Event) -> None:
        """Adds an event; all but `instance.finished` are ignored."""
        if event.type == t.InstanceFinished.type and isinstance(result := event.payload, t.InstanceFinished):
            arm = self._arms.setdefault((event.generation, result.harness, result.weights), {})
            arm[result.split, result.instance, result.repeat] = result
            if result.split == "reserve":
                known = self._reserves.setdefault((result.harness, result.weights), {})
                known[result.split, result.instance, result.repeat] = result
            if result.repeat and result.split == "val":
                first = arm.get((result.split, result.instance, 0), result)
                self.is_noisy = self.is_noisy or first.score != result.score
            if result.group:
                self._groups.setdefault(result.split, {})[result.instance] = result.group

    def of(self, generation: int, candidate: t.Candidate) -> dict[Key, t.InstanceFinished]:
        """The results of `candidate` in `generation`."""
        return self._arms.get((generation, candidate.harness, candidate.weights), {})

    def val(self, generation: int, candidate: t.Candidate) -> dict[Row, float]:
        """The scores on `val` that the gate pairs."""
        return _rows(self.of(generation, candidate), "val")

    def reserve(self, candidate: t.Candidate, generation: int | None = None) -> dict[Row, float]:
        """Its scores on the reserve: in `generation`, or, without one, wherever it has answered."""
        known = self._reserves.get((candidate.harness, candidate.weights), {})
        return _rows(known if generation is None else self.of(generation, candidate), "reserve")

    def disturbed(self, generation: int, *candidates: t.Candidate) -> list[str]:
        """What disturbed the timings of these candidates on `val` and the reserve, once for each timing."""
        found = (result for one in candidates for result in self.of(generation, one).values())
        return [result.disturbed for result in found if result.split in JUDGED and result.disturbed]

    def groups(self, split: str) -> dict[str, str]:
        """The group of each instance of `split` that is in one."""
        return self._groups.get(split, {})

    def execution_finished(
        self, generation: int, candidate: t.Candidate, rival: t.Candidate | None = None, *, rules: int, wall_s: float
    ) -> t.ExecutionFinished:
        """The event that ends the Execution of `candidate`; `rival` is the incumbent that was executed beside it."""
        found = self.of(generation, candidate)
        reused = sum(result.reused for result in found.values())
        return t.ExecutionFinished(
            scores=scores(found, rules),
            digest=digest(found),
            failures=count_failures(result.failure for result in found.values()),
            evaluations=len(found) - reused,
            reused=reused,
            wall_s=wall_s,
            incumbent=None if rival is None else scores(self.of(generation, rival), rules).get("val"),
            private=private_check_on(found, *JUDGED),
        )


def _rows(results: Mapping[Key, t.InstanceFinished], wanted: str) -> dict[Row, float]:
    return {(instance, repeat): one.score for (split, instance, repeat), one in results.items() if split == wanted}


def scores(results: dict[Key, t.InstanceFinished], rules: int) -> dict[str, t.Score]:
    """The mean score of each split; since rules 2 its standard error is over independent units."""
    rows: dict[str, dict[Row, float]] = {}
    groups: dict[str, dict[str, str]] = {}
    for (split, instance, repeat), result in sorted(results.items(), key=lambda item: item[0]):
        rows.setdefault(split, {})[instance, repeat] = result.score
        if result.group:
            groups.setdefault(split, {})[instance] = result.group
    if rules == 1:
        return {split: mean(list(found.values())) for split, found in rows.items()}
    return {split: units.clustered(found, groups.get(split, {})) for split, found in rows.items()}


def private_check(grades: Sequence[Grade | t.InstanceFinished]) -> t.PrivateCheck | None:
    """The private check over one split; None where the domain has none. Failed instances carry no honest score."""
    if not any(one.honest is not None or one.refused or one.measures for one in grades):
        return None
    floored = [(one.honest, one.floor) for one in grades if one.honest is not None and one.floor is not None]
    honest = [one.honest for one in grades if one.honest is not None]
    floor = mean([low for _, low in floored])
    refused = Counter(one.refused for one in grades if one.refused)
    measures: dict[str, list[float]] = {}
    for one in grades:
        for name, value in one.measures.items():
            measures.setdefault(name, []).append(value)
    return t.PrivateCheck(
        passed=not refused and mean([score for score, _ in floored]).score >= floor.score,
        honest=mean(honest) if honest else None,
        floor=floor if floored else None,
        refused=dict(sorted(refused.items())),
        measures={name: mean(values) for name, values in sorted(measures.items())},
    )


def private_columns(grade: Grade, group: str = "") -> list[object]:
    """The last columns of a recorded row: the private check's and, where the instance is in one, its group."""
    parts: list[object] = [grade.honest, grade.floor, grade.refused, *([group] if group else [])]
    return parts if any(part not in (None, "") for part in parts) else []


def private_checks(grades: Mapping[str, Sequence[Grade]]) -> dict[str, t.PrivateCheck]:
    """The private checks of baselines, by their names."""
    found = {name: private_check(given) for name, given in grades.items()}
    return {name: check for name, check in found.items() if check is not None}


def private_check_on(results: dict[Key, t.InstanceFinished], *splits: str) -> t.PrivateCheck | None:
    """The private check over a candidate's results on `splits`."""
    return private_check([results[key] for key in sorted(results) if key[0] in splits])


def count_failures(failures: Iterable[t.Failure | None]) -> dict[str, int]:
    """The number of failures of each kind."""
    return dict(sorted(Counter(failure.kind for failure in failures if failure).items()))


def digest(results: dict[Key, t.InstanceFinished]) -> str:
    """SHA-256 over (split, instance, repeat, answer, score), sorted: the order of arrival does not matter."""
    rows = [[*key, results[key].answer, results[key].score] for key in sorted(results)]
    return hashlib.sha256(msgspec.json.encode(rows)).hexdigest()
