"""`bisect`: the candidate that fixed or broke an instance, from its score under every candidate."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Literal

import msgspec

from engine.core.results import Results
from engine.core.state import State, evolve
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event

What = Literal["fixed", "broken"]


class InstanceScore(msgspec.Struct, frozen=True):
    """A candidate's mean score on the instance over the repeats, and how often it failed.

    `what` compares it with the incumbent that the gate put it against. `incumbent` says whether it became, or was
    named, the incumbent.
    """

    n: int
    lever: t.Lever | None
    harness: str
    incumbent: bool
    score: float
    failures: int
    what: What | None


class Change(msgspec.Struct, frozen=True):
    """Two consecutive incumbents with different scores on the instance."""

    n: int
    after: int
    before_score: float
    score: float
    what: What
    old: str
    new: str


class BisectResult(msgspec.Struct, frozen=True):
    """The instance through a run. The first of `changes` is the answer; `summary` is it in a sentence."""

    run: str
    name: str
    instance: str
    split: str
    candidates: list[InstanceScore]
    changes: list[Change]
    summary: str


def bisect(history: Iterable[Event], instance: str) -> tuple[BisectResult, State]:
    """Follows `instance` through a run; raises `SiaError` where no candidate was executed on it."""
    state, results, path = State(), Results(), list[int]()
    splits: set[str] = set()
    for event in history:
        result = event.payload
        if isinstance(result, t.InstanceFinished) and result.instance == instance:
            splits.add(result.split)
        state = evolve(state, event)
        results.add(event)
        if isinstance(result, t.RunForked) and result.branch is not None:
            path = [n for n in path if n < result.branch]
        if state.incumbent is not None and state.incumbent not in path:
            path.append(state.incumbent)
    scores: dict[int, tuple[float, int]] = {}
    for one in state.generations:
        found = [row for key, row in results.of(one.n, one.candidate).items() if key[1] == instance]
        if found:
            failures = sum(row.failure is not None for row in found)
            scores[one.n] = math.fsum(row.score for row in found) / len(found), failures
    if not scores:
        raise SiaError(
            f"no generation of {state.name} has executed an instance {instance!r}", "`sia log --instances` lists them"
        )
    candidates = [_score_of(state, n, scores, path) for n in sorted(scores)]
    changes = [
        Change(
            n=n,
            after=before,
            before_score=scores[before][0],
            score=scores[n][0],
            what="fixed" if scores[n][0] > scores[before][0] else "broken",
            old=state.versions[before].commit,
            new=state.versions[n].commit,
        )
        for before, n in itertools.pairwise(path)
        if before in scores and n in scores and scores[n][0] != scores[before][0]
    ]
    summary = _summary(instance, candidates, changes)
    return BisectResult(state.run, state.name, instance, min(splits), candidates, changes, summary), state


def _score_of(state: State, n: int, scores: dict[int, tuple[float, int]], path: list[int]) -> InstanceScore:
    one = state.of(n)
    against = one.verdict.against if one.verdict else None
    what: What | None = None
    if against in scores and scores[n][0] != scores[against][0]:
        what = "fixed" if scores[n][0] > scores[against][0] else "broken"
    return InstanceScore(n, one.candidate.lever, one.candidate.harness, n in path, *scores[n], what)


def _summary(instance: str, candidates: list[InstanceScore], changes: list[Change]) -> str:
    verb = {"fixed": "fixed", "broken": "broke"}
    if changes:
        first, *more = changes
        sentence = f"generation {first.n} {verb[first.what]} {instance}, from {first.before_score:g} to {first.score:g}"
    else:
        more = []
        sentence = f"no incumbent changed {instance}: it has scored {candidates[0].score:g} since generation 1"
    said = {change.n: f"generation {change.n} {verb[change.what]} it" for change in more}
    said |= {
        one.n: f"generation {one.n}, which was rejected, {verb[one.what]} it"
        for one in candidates
        if one.what and not one.incumbent
    }
    return "; ".join([sentence, *(said[n] for n in sorted(said))])
