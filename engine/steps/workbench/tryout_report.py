"""What a try says: kept as a blob beside its probe, and told to the model in a bounded text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from engine.core import units
from engine.evaluation.trial import GradedAnswer
from engine.events import types as t
from engine.plain import decimal

KEPT, LISTED, ANSWER_CHARS = 4, 15, 120


class Case(msgspec.Struct, frozen=True):
    """A case in a report: its failure, if any, and the end of its log."""

    instance: str
    failure: t.Failure | None
    log: str


class Report(msgspec.Struct, frozen=True):
    """How many answers failed, by kind; some failures of each kind, and logs of the lowest scores."""

    failures: dict[str, int] = {}
    cases: list[Case] = []


class Tried(msgspec.Struct, frozen=True):
    """A try: its event, a row for each answer (instance, score, excerpt, ...), and the report."""

    probe: t.ProbeFinished
    rows: Sequence[Sequence[object]]
    report: Report

    @property
    def broken(self) -> bool:
        """Whether it answered nothing."""
        return sum(self.report.failures.values()) == len(self.rows)

    def scores(self) -> dict[tuple[str, int], float]:
        """The score of each instance and repeat."""
        seen: Counter[str] = Counter()
        found: dict[tuple[str, int], float] = {}
        for instance, score, *_ in self.rows:
            found[str(instance), seen[str(instance)]] = float(str(score))
            seen[str(instance)] += 1
        return found


def report_of(found: Sequence[GradedAnswer]) -> Report:
    """The report of these answers."""
    failures: Counter[str] = Counter()
    shown: list[Case] = []
    for answer, _ in sorted(found, key=lambda one: one.grade.score):
        kind = answer.failure.kind if answer.failure else ""
        failures[kind] += 1
        if failures[kind] <= KEPT and (kind or answer.log):
            shown.append(Case(answer.trial.instance, answer.failure, answer.log))
    del failures[""]
    return Report(dict(failures), sorted(shown, key=lambda one: one.failure is None)[: 2 * KEPT])


def describe(tried: Tried, base: Tried | None, groups: Mapping[str, str]) -> str:
    """The text for the model: score, difference from the best candidate on the same cases, failures, logs, time."""
    probe, report, scores = tried.probe, tried.report, tried.scores()
    middle = units.clustered(scores, groups)
    lines = [f"on {probe.fold}, which it did not learn from: mean score {decimal(middle.score)} ± {decimal(middle.se)}"]
    if base is not None:
        lines += _compare(scores, base.scores(), groups)
    if probe.refused:
        lines.append("it failed the private check: no gate accepts that")
    lines.append(f"time: {probe.cpu_s / len(tried.rows):.3f} s of CPU a case, {probe.wall_s:.1f} s in all")
    if report.failures:
        kinds = ", ".join(f"{kind} {count}" for kind, count in report.failures.items())
        lines.append(f"failed: {sum(report.failures.values())} of {len(tried.rows)} ({kinds})")
    elif probe.failure is not None:
        lines.append(f"failed: {probe.failure.kind}: {probe.failure.message}")
    low = sorted(((float(str(score)), str(name), str(answer)) for name, score, answer, *_ in tried.rows))
    if low[0][0] < low[-1][0]:
        lines.append("the lowest scores:")
        lines += [f"{name}: score {score:.4g}, answer {answer[:ANSWER_CHARS]}" for score, name, answer in low[:LISTED]]
    for case in report.cases:
        why = f" failed ({case.failure.kind}): {case.failure.message}" if case.failure else ""
        lines.append(f"{case.instance}{why}\n{case.log}".rstrip())
    return "\n".join(lines)


def _compare(
    mine: Mapping[tuple[str, int], float], theirs: Mapping[tuple[str, int], float], groups: Mapping[str, str]
) -> list[str]:
    paired = {row: score - theirs[row] for row, score in mine.items() if row in theirs}
    gain, before = units.clustered(paired, groups), units.clustered(theirs, groups)
    better = sorted({instance for (instance, _), change in paired.items() if change > 0})
    worse = sorted({instance for (instance, _), change in paired.items() if change < 0})
    lines = [
        f"the best candidate on the same cases: {decimal(before.score)}; "
        f"difference {decimal(gain.score, '+')} ± {decimal(gain.se)} "
        f"({len(better)} better, {len(worse)} worse)"
    ]
    lines += [f"{name}: {_some(ids)}" for name, ids in (("better", better), ("worse", worse)) if ids]
    return lines


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - LISTED} more" if len(ids) > LISTED else ""
    return ", ".join(ids[:LISTED]) + more
