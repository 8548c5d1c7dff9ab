"""Runs, branches and forks with their generations: the nodes of the lineage graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from engine.core.state import State
from engine.events import types as t
from engine.events.reader import Reader, RunRow
from engine.queries import score_course
from engine.queries.progress.progress import Progress
from sia_tui.app.model.best_score import BestScores
from sia_tui.app.model.failures import Failures
from sia_tui.cli.standing import words

WAITS = "waits for you"
"""What stands for the status of a run whose candidate needs approval."""


class GenerationNode(NamedTuple):
    """A generation of a run; `accepted` is None before its verdict, `units` are of `val`, `wall_s` of its Execution.

    `so_far` says how far its Execution is, while it is under way; `failures` what failed in it.
    `check` is its private check, where the domain has one.
    """

    n: int
    lever: str
    val: float | None
    se: float | None
    accepted: bool | None
    wall_s: float | None = None
    units: int | None = None
    so_far: str = ""
    check: t.PrivateCheck | None = None
    failures: Failures | None = None

    @property
    def honest(self) -> float | None:
        """The honest score beside `val`, where the private check measured one."""
        score = score_course.honest(self.check)
        return score.score if score else None

    @property
    def refused(self) -> bool:
        """Whether the candidate was rejected because it failed the private check."""
        return score_course.refused(self.accepted, self.check)


class RunNode(NamedTuple):
    """A run. `forked_in` is the generation of its parent in which it was forked; 0 where it has no parent.

    `honest_of_begin` is the honest score of the candidate that it began with.
    """

    run: RunRow
    status: str
    generations: Sequence[GenerationNode]
    forked_in: int = 0
    honest_of_begin: float | None = None

    @property
    def best_honest(self) -> float | None:
        """The honest score of its best candidate, where the private check measured it."""
        return best.honest if (best := self._best) else self.honest_of_begin

    @property
    def best_failed(self) -> bool:
        """Whether its best candidate is one of its own of which every result failed."""
        failures = best.failures if (best := self._best) else None
        return failures is not None and failures.total

    @property
    def _best(self) -> GenerationNode | None:
        return next((one for one in reversed(self.generations) if one.accepted), None)


class PrivateChecks:
    """The private checks of all runs of a log by generation; reads only what was appended since the last call."""

    def __init__(self) -> None:
        self._found: dict[str, dict[int, t.PrivateCheck]] = {}
        self._read: dict[str, int] = {}

    def of(self, reader: Reader, run: RunRow) -> Mapping[int, t.PrivateCheck]:
        """Those of a run's own generations."""
        found, after = self._found.setdefault(run.run, {}), self._read.get(run.run, 0)
        if after < run.head_n:
            for event in reader.of_type_in(run.run, t.ExecutionFinished.type, after=after, until=run.head_n):
                if isinstance(event.payload, t.ExecutionFinished) and event.payload.private:
                    found[event.generation] = event.payload.private
            self._read[run.run] = run.head_n
        return found


def read_lineage(reader: Reader, statuses: Mapping[str, str], checks: PrivateChecks, best: BestScores) -> list[RunNode]:
    """All runs of a log with their own generations, oldest first; `statuses` overrides what the log says."""
    generations: dict[str, list[GenerationNode]] = {}
    runs = best.runs(reader)
    checked = {run.run: checks.of(reader, run) for run in runs}
    for row in reader.generations():
        check = checked.get(row.run, {}).get(row.generation)
        node = GenerationNode(row.generation, row.lever or "", row.val, row.se, row.accepted, check=check)
        generations.setdefault(row.run, []).append(node)
    return [
        RunNode(
            run,
            statuses.get(run.run, run.status),
            generations.get(run.run, []),
            reader.generation_of(run.parent, run.parent_n) if run.parent and run.parent_n else 0,
            best.honest_of_begin(run.run),
        )
        for run in runs
    ]


def with_failures(node: RunNode, known: Mapping[int, Failures]) -> RunNode:
    """The node with what failed in each generation whose Execution is finished."""
    generations = [
        one._replace(failures=known[one.n]) if one.n in known and one.val is not None else one
        for one in node.generations
    ]
    return node._replace(generations=generations)


def at_state(node: RunNode, state: State, status: str, found: Progress) -> RunNode:
    """The node of a run as it was in `state`, when it was as far as `found` says."""
    own = {generation.n for generation in node.generations}
    generations = []
    for one in state.generations:
        if one.n in own:
            execution, verdict = one.execution, one.verdict
            val = execution.scores.get("val") if execution else None
            generations.append(
                GenerationNode(
                    one.n,
                    one.candidate.lever or "",
                    val.score if val else None,
                    val.se if val else None,
                    verdict.accepted if verdict else None,
                    execution.wall_s if execution else None,
                    val.n if val else None,
                    words.so_far(found) if one.n == state.generation and execution is None else "",
                    execution.private if execution else None,
                )
            )
    best = state.of(state.incumbent).execution if state.incumbent else None
    run = replace(node.run, best=best.scores["val"].score if best and "val" in best.scores else None)
    honest = score_course.honest(best.private) if best else None
    status = WAITS if state.awaiting is not None and state.status == "running" else status
    begin = honest.score if honest else None
    return node._replace(run=run, generations=generations, status=status, honest_of_begin=begin)
