"""The scores of a run by generation: the public score on `val`, the honest one, and what became of each candidate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from engine.core.state import Generation, State
from engine.events import types as t
from engine.events.reader import Reader

if TYPE_CHECKING:
    from engine.agents.archive import Archive

Outcome = Literal["accepted", "rejected", "refused", "held", "not judged"]
"""What became of a candidate: `refused` is rejected by the private check, `held` waits for a person."""


class Measured(NamedTuple):
    """A generation that was executed. `honest` is what the private check measured, where the domain has one."""

    n: int
    val: t.Score
    honest: t.Score | None
    outcome: Outcome

    @property
    def gap(self) -> float | None:
        """By how much the public score exceeds the honest one."""
        return None if self.honest is None else self.val.score - self.honest.score


def measured(state: State) -> list[Measured]:
    """The executed generations, in order."""
    return [
        Measured(one.n, one.execution.scores["val"], honest(one.execution.private), outcome(state, one))
        for one in state.generations
        if one.execution and "val" in one.execution.scores
    ]


def honest(check: t.PrivateCheck | None) -> t.Score | None:
    """The honest score of a private check, where it measured one."""
    return check.honest if check else None


def refused(accepted: bool | None, check: t.PrivateCheck | None) -> bool:
    """Whether a candidate was rejected because it failed the private check."""
    return accepted is False and check is not None and not check.passed


def outcome(state: State, one: Generation) -> Outcome:
    """What became of a generation's candidate so far."""
    if state.why_held(one.n):
        return "held"
    if one.verdict is None:
        return "not judged"
    if refused(one.verdict.accepted, one.execution.private if one.execution else None):
        return "refused"
    return "accepted" if one.verdict.accepted else "rejected"


def best_so_far(state: State) -> list[list[tuple[int, float]]]:
    """The best candidate's score on `val` after each verdict, as (generation, score); a list for each `val` drawn.

    On a fresh `val` it begins with the score that the best candidate had there beside its first rival.
    """
    courses: dict[int, list[tuple[int, float]]] = {}
    best: float | None = None
    for one in state.generations:
        if one.execution is None or one.verdict is None or "val" not in one.execution.scores:
            continue
        course = courses.setdefault(state.rotation.number(one.n), [])
        if one.verdict.accepted:
            best = one.execution.scores["val"].score
        elif not course and one.execution.incumbent:
            best = one.execution.incumbent.score
        if best is not None:
            course.append((one.n, best))
    return [course for course in courses.values() if course]


def archive_of(reader: Reader, state: State, until: int | None = None) -> Archive:
    """Which candidates are best on which instances of `val`; a candidate that the private check refused is none."""
    from engine.agents.archive import archive  # the app's first paint does without

    return archive(_by_instance(reader, state, until), state.incumbent)


def archive_of_slices(reader: Reader, state: State, until: int | None = None) -> Archive | None:
    """The same of the slices of `val`; None where the domain names none."""
    from engine.agents.archive import archive, by_slice

    executed = [one.n for one in state.generations if one.execution]
    slices: dict[str, str] = {}
    for n in {*executed[-1:], *([state.incumbent] if state.incumbent else [])}:
        slices |= reader.groups_of(state.run, n, "val", until=until, field="slice")
    if not slices:
        return None
    found = {n: by_slice(own, slices) for n, own in _by_instance(reader, state, until).items()}
    return archive(found, state.incumbent)


def _by_instance(reader: Reader, state: State, until: int | None) -> dict[int, dict[str, float]]:
    judged = {one.n for one in state.generations if one.execution and outcome(state, one) != "refused"}
    scores: dict[int, dict[str, float]] = {}
    for instance, generation, score, _ in reader.grid(state.run, "val", until=until):
        if generation in judged:
            scores.setdefault(generation, {})[instance] = score
    return scores
