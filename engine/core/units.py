"""The independent units of a score: what may rise and fall on its own.

Under rules 1 every (instance, repeat) was a unit. Since rules 2 a unit is an instance, or the domain's group of
instances, with its repeats averaged: repeats of one answer, and paragraphs of one document, are not independent.
Standard errors are clustered by the same units (Cameron and Miller, "A Practitioner's Guide to Cluster-Robust
Inference", 2015).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from domains.contract import Instance
from engine.events.types import Score

Row = tuple[str, int]
"""(instance, repeat)"""
Kind = Literal["instance", "group", "repeat"]
Units = Sequence[Sequence[float]]
"""The values of each unit, one for each of its instances."""


def groups_of(instances: Iterable[Instance]) -> dict[str, str]:
    """The group of each instance that is in one."""
    return {item.id: item.group for item in instances if item.group and isinstance(item.group, str)}


def kind(rows: Mapping[Row, float], groups: Mapping[str, str], *, noisy: bool = False, level: float = 0.0) -> Kind:
    """What the unit of these rows is; `groups` has the group of each instance that is in one.

    A repeat is a unit where instances alone cannot tell: where there is one, or where the verifier is `noisy` (each
    repeat is another draw) and the instances are so few that no p-value is below `level`. The result is then about
    these instances, and says nothing of others.
    """
    instances = {instance for instance, _ in rows}
    if any(instance in groups for instance in instances):
        return "group"
    few = len(instances) == 1 or (noisy and 0.5 ** len(instances) >= level)
    return "repeat" if few and len(rows) > len(instances) else "instance"


def divide(rows: Mapping[Row, float], kind: Kind, groups: Mapping[str, str]) -> list[list[float]]:
    """The units of `rows`, in the order of their names."""
    if kind == "repeat":
        return [[rows[row]] for row in sorted(rows)]
    repeats: dict[str, list[float]] = {}
    for instance, repeat in sorted(rows):
        repeats.setdefault(instance, []).append(rows[instance, repeat])
    units: dict[tuple[bool, str], list[float]] = {}
    for instance, values in repeats.items():
        name = (True, groups[instance]) if instance in groups else (False, instance)
        units.setdefault(name, []).append(math.fsum(values) / len(values))
    return [units[name] for name in sorted(units)]


def clustered(rows: Mapping[Row, float], groups: Mapping[str, str]) -> Score:
    """The mean of one candidate's scores, with a standard error over independent units, of which there are `n`."""
    return mean(divide(rows, kind(rows, groups), groups))


def mean(units: Units) -> Score:
    """The mean over all instances, with the standard error clustered by units; 0 for no scores."""
    n, count = len(units), sum(map(len, units))
    if count == 0:
        return Score(0.0, 0.0, 0)
    middle = math.fsum(value for unit in units for value in unit) / count
    spread = math.fsum(math.fsum(value - middle for value in unit) ** 2 for unit in units)
    if count == n:  # the usual standard error
        return Score(middle, math.sqrt(spread / (n - 1) / n) if n > 1 else 0.0, n)
    return Score(middle, math.sqrt(spread * n / (n - 1)) / count if n > 1 else 0.0, n)
