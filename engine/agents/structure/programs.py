"""The programs of one search: the incumbent's, and those that changes of its structure lead to, with their probes.

A harness with declared tunables has one program only: its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from engine.agents.portfolio import probed
from engine.agents.portfolio.probed import Params
from engine.agents.portfolio.rounds import text
from engine.agents.protocol import View
from engine.events import types as t
from harness_repo.evolvable import SKELETON
from harness_repo.harness import Harness, HarnessInvalid
from harness_repo.structure.changes import meaning
from harness_repo.structure.named import changes_of, values_of
from harness_repo.tunable import Value


class Program(NamedTuple):
    """A program, the changes that lead to it, and its probes; `best` is the best eligible one of them."""

    changes: tuple[str, ...]
    harness: Harness
    probes: list[t.ProbeFinished]
    best: t.ProbeFinished | None


class Programs:
    """The programs that can be reached from `base`; without `structure` that one alone. Each is made once."""

    def __init__(self, base: Harness, *, structure: bool = True) -> None:
        self.base = base
        self.open = structure and bool(base.program)
        self._made: dict[tuple[str, ...], Harness | None] = {(): base}

    def changes(self, params: Mapping[str, Value]) -> tuple[str, ...]:
        """The changes of the incumbent's program that the parameters name; none if they name that program itself."""
        if not self.open or params.get(SKELETON) == self.base.skeleton:
            return ()
        return changes_of(params)

    def after(self, changes: tuple[str, ...]) -> Harness | None:
        """The harness after those changes; None if there is none."""
        if changes not in self._made:
            before = self.after(changes[:-1])
            try:
                self._made[changes] = before.changed(changes[-1:]) if before else None
            except HarnessInvalid:
                self._made[changes] = None
        return self._made[changes]

    def of(self, params: Mapping[str, Value]) -> Harness | None:
        """The harness whose values the parameters are."""
        return self.after(self.changes(params))

    def admits(self, probe: t.ProbeFinished) -> bool:
        """Whether the probe's program can still be made and admits its values: a person may have edited the harness."""
        harness = self.of(probe.params)
        return harness is not None and _admits(harness, probe.params)

    def takes(self, params: Mapping[str, Value]) -> bool:
        """Whether parameters of another run name one of these programs, unchanged, and values that it admits."""
        harness = self.of(params)
        if harness is None or params.get(SKELETON, harness.skeleton) != harness.skeleton:
            return False
        return values_of(params).keys() <= harness.manifest.tunables.keys() and _admits(harness, params)

    def key(self, params: Mapping[str, Value]) -> bytes:
        """Equal for parameters that give the same program: the same structure and the same active values."""
        harness = self.of(params) or self.base
        if not self.open:
            return probed.key(harness, params)
        if not harness.manifest.tunables:
            return meaning(harness.source).encode()
        return harness.skeleton.encode() + probed.key(harness, params)

    def find(self, params: Mapping[str, Value], probes: Sequence[t.ProbeFinished]) -> t.ProbeFinished | None:
        """The first probe of that program and those values."""
        wanted = self.key(params)
        return next((probe for probe in probes if self.key(probe.params) == wanted), None)

    def structure(self, params: Mapping[str, Value]) -> tuple[Value, ...]:
        """The values of the active structural tunables, of which the skeleton is one."""
        return probed.structure(self.of(params) or self.base, params)

    def grouped(self, probes: Sequence[t.ProbeFinished]) -> list[Program]:
        """Each program with its probes: the incumbent's first, then in the order of their first probes."""
        groups: dict[tuple[str, ...], list[t.ProbeFinished]] = {(): []}
        for probe in probes:
            groups.setdefault(self.changes(probe.params), []).append(probe)
        made = ((changes, self.after(changes), found) for changes, found in groups.items())
        return [Program(changes, harness, found, probed.best(found)) for changes, harness, found in made if harness]

    def executed(self, view: View, probes: Sequence[t.ProbeFinished]) -> set[bytes]:
        """The keys of what generations under the same weights have executed or a person has declined."""
        if self.open and not self.base.manifest.evolve:
            programs = [one.program for one in view.past if one.weights == view.weights]
            return {one.encode() for one in (meaning(self.base.source), *programs, *view.declined_programs)}
        if not self.open:
            return {probed.key(self.base, params) for params in judged(view)}
        # the parameters of a candidate name its skeleton, and not the changes that led there
        lead = {one.harness.skeleton: one.harness for one in self.grouped(probes)}
        pairs = [(lead.get(str(params.get(SKELETON))), params) for params in judged(view)]
        return {harness.skeleton.encode() + probed.key(harness, params) for harness, params in pairs if harness}

    def told(self, params: Mapping[str, Value]) -> str:
        """What is other than in the incumbent: the changes, then the values that differ."""
        harness = self.of(params) or self.base
        values = probed.active_values(harness, params)
        parts = [
            f"{name} {harness.params.get(name)} → {new}"
            for name, new in values.items()
            if harness.params.get(name) != new
        ]
        return ", ".join([*_in_order(self.changes(params)), *parts]) or "nothing"

    def text(self, params: Mapping[str, Value]) -> str:
        """The changes and all active values, as a sentence names them."""
        values = probed.active_values(self.of(params) or self.base, params)
        return ", ".join([*_in_order(self.changes(params)), text(values)])


def _admits(harness: Harness, params: Mapping[str, Value]) -> bool:
    tunables = harness.manifest.tunables
    return all(tunables[name].admits(value) for name, value in probed.active_values(harness, params).items())


def _in_order(changes: Sequence[str]) -> list[str]:
    """One text of all changes, since lines are those of the program after the change before; none without changes."""
    return ["; then ".join(changes)] if changes else []


def judged(view: View) -> list[Params]:
    """The parameters of what generations under the same weights have executed or a person has declined."""
    return [*(one.params for one in view.past if one.weights == view.weights), *view.declined]
