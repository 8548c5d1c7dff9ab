"""Probes: proposals tried on a held-out fold of `train`, each recorded as an event, within the budget.

The fold depends on the run's seed alone, so that all probes of a run are comparable. Probes of one round run
concurrently, and are recorded in the order of their requests. Since rules 5 each races the best one before its round,
and stops once it is clearly worse (`engine.steps.race`).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from domains.contract import Instance
from engine.agents.archive import by_slice, slices_of
from engine.agents.portfolio import probed
from engine.agents.protocol import ProbeRequest
from engine.core import budget
from engine.core.gate import mean
from engine.core.results import private_check, private_columns
from engine.core.units import Row
from engine.evaluation import answer_codec
from engine.evaluation.evaluate import Evaluation, evaluate, grades_singly, in_order
from engine.evaluation.trial import GradedAnswer, Trial, trials
from engine.events import types as t
from engine.events.storage import blobs
from engine.plain import decimal
from engine.run.live_run import Run
from engine.sandbox import Preparation
from engine.seeds import sample
from engine.steps.evaluations import grading, of_proposal
from engine.steps.race import Race, Rival, noise
from harness_repo.harness import Harness, HarnessInvalid
from harness_repo.structure.named import changes_of
from harness_repo.tunable import Value

LOG_CHARS = 1500
"""So much of the end of a log is kept until a probe has ended."""
SEEN = 1000
"""So many probes an agent sees at least. It weighs all that it sees, so an Improvement would cost more after each."""


class Fold(msgspec.Struct, frozen=True):
    """The trials of every probe of a run, and the instances that its harness may learn from."""

    todo: list[Trial]
    material: list[Instance]


def recent(found: Sequence[t.ProbeFinished]) -> Sequence[t.ProbeFinished]:
    """The latest probes, at least `SEEN` where there are so many.

    Older ones fall away half of `SEEN` at a time, so that the next Improvements begin with the same ones, and a model
    of them is not made anew in each. An agent may ask for one that fell away again: its result is reused.
    """
    return found[max(0, len(found) - SEEN) // (SEEN // 2) * (SEEN // 2) :]


def probe_key(evaluation: Evaluation, todo: Sequence[Trial]) -> str:
    """The digest of everything that a probe's result depends on."""
    files = {path: blobs.digest(content) for path, content in evaluation.harness.files.items()}
    asked_trials = [(trial.instance, trial.repeat, trial.seed) for trial in todo]
    weights = evaluation.candidate.weights
    parts = [files, asked_trials, evaluation.prepared, *([weights] if weights else [])]
    return blobs.digest(msgspec.json.encode(parts, order="deterministic"))


async def of_same_code(run: Run, base: Harness, found: Sequence[t.ProbeFinished]) -> list[t.ProbeFinished]:
    """Those of `found` that executed what `base` executes with their values: its code and weights, on today's fold.

    A person may have edited the harness of a fork, or an agent another file than the values: what was measured under
    other code says nothing of this one.
    """
    fold = await _fold(run)
    executed = probe_key(of_proposal(run, base.with_params(base.params), fold.material), fold.todo)
    # a program's numbers are searched in other ranges each time, so that the code does not say what it takes
    code = blobs.digest(msgspec.json.encode([executed, base.manifest.tunables], order="deterministic"))
    known = run.reuse.probe_keys

    def key(params: Mapping[str, Value]) -> str:
        asked = (code, blobs.digest(msgspec.json.encode(dict(params), order="deterministic")))
        if asked not in known:
            try:
                evaluation = of_proposal(run, base.with_params(params), fold.material)
                known[asked] = probe_key(evaluation, fold.todo)
            except HarnessInvalid:  # the harness no longer takes these values
                known[asked] = ""
        return known[asked]

    return [probe for probe in found if key(probe.params) == probe.key]


async def _fold(run: Run) -> Fold:
    settings = run.state.settings
    train, seed = await run.domain.train(), run.state.root_seed
    held_out = set(sample((item.id for item in train), settings.probe_fold, seed, "probe fold"))
    todo = trials("train", [item for item in train if item.id in held_out], range(settings.repeats), seed)
    return Fold(todo=todo, material=[item for item in train if item.id not in held_out])


class NoLab:
    """The lab for the first harness: it tries nothing."""

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        """No results."""
        return []

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        """No scores."""
        return {}


class FoldLab:
    """Tries proposals for one Improvement; results that the lineage has recorded are reused.

    Without `races` each answers its whole fold, as proposals do that are compared with each other.
    """

    def __init__(self, run: Run, generation: int, attempt: int, base: Harness, *, races: bool = True) -> None:
        self._run = run
        self._generation = generation
        self._attempt = attempt
        self._base = base
        self._races = races

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        """The results in the order of `requests`; fewer if the budget of evaluations runs out."""
        run = self._run
        fold = await _fold(run)
        rival = await self._rival(fold, requests)
        place = asyncio.Semaphore(run.ports.workers)
        here = {(probe.ordinal, probe.key): probe for probe in run.effects.probes_of(self._generation, self._attempt)}
        results: list[asyncio.Task[tuple[t.ProbeFinished, bytes]] | tuple[t.ProbeFinished, bytes]] = []
        done: list[t.ProbeFinished] = []
        try:
            for request, left in zip(requests, self._left(fold, requests), strict=False):
                evaluation = of_proposal(run, self._base.with_params(request.params), fold.material)
                key = probe_key(evaluation, fold.todo)
                if (finished := here.get((request.ordinal, key))) is not None:
                    results.append((finished, b""))
                elif left is not None and left < 0:
                    break
                elif (known := run.reuse.probe(key, rival.key if rival else "")) is not None:
                    results.append((self._reuse(known, request), b""))
                else:
                    results.append(asyncio.create_task(self._try(request, evaluation, fold.todo, place, rival)))
            for result in results:
                finished, items = await result if isinstance(result, asyncio.Task) else result
                if (finished.ordinal, finished.key) not in here:
                    run.append(self._generation, finished, contents=[items] if items else [])
                done.append(finished)
        finally:
            rest = [result for result in results if isinstance(result, asyncio.Task)]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)
        return done

    async def _rival(self, fold: Fold, requests: Sequence[ProbeRequest]) -> Rival | None:
        """The best probe of this code before the round of `requests`; None where a race would save nothing."""
        run, first = self._run, min((request.ordinal for request in requests), default=0)
        saves = run.state.settings.repeats > 1 or grades_singly(grading(run))
        if run.state.rules < 5 or not saves or not self._races:
            return None
        before = run.effects.probes_before(self._generation, self._attempt)
        before += [one for one in run.effects.probes_of(self._generation, self._attempt) if one.ordinal < first]
        best = probed.best(await of_same_code(run, self._base, recent(before)))
        if best is None:
            return None
        try:
            rows = msgspec.json.decode(run.log.reader.blob(best.items), type=list[list[Any]])
        except blobs.LeftOut:
            return None
        seen: Counter[str] = Counter()
        scores: dict[Row, float] = {}
        for name, score, *_ in rows:  # the repeats of an instance are in their order
            scores[name, seen[name]] = score
            seen[name] += 1
        whole = scores.keys() == {(trial.instance, trial.repeat) for trial in fold.todo}
        return Rival(best.key, scores, best.score.score) if whole else None

    def _left(self, fold: Fold, requests: Sequence[ProbeRequest]) -> list[int | None]:
        """What is left of the budget after each of `requests`, were none to stop early.

        What the log holds of this round counts as whole, too, so that a resumed round asks for as many.
        """
        left = budget.affordable_evaluations(self._run.state)
        if left is None:
            return [None] * len(requests)
        asked = {request.ordinal for request in requests}
        recorded = self._run.effects.probes_of(self._generation, self._attempt)
        left += sum(one.evaluations for one in recorded if one.ordinal in asked)
        return [left - len(fold.todo) * (number + 1) for number in range(len(requests))]

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        """As `Lab.scores`."""
        try:
            known = scores_of(self._run.log.reader.blob(probe.items)) if probe.items else {}
        except blobs.LeftOut:
            return {}
        return by_slice(known, slices_of(await self._run.domain.train()))

    def _reuse(self, known: t.ProbeFinished, request: ProbeRequest) -> t.ProbeFinished:
        return replace(
            known,
            generation=self._generation,
            attempt=self._attempt,
            ordinal=request.ordinal,
            why=_told(request.why, known.score.score, known.stopped),
            reused=True,
        )

    async def _try(
        self,
        request: ProbeRequest,
        evaluation: Evaluation,
        todo: Sequence[Trial],
        place: asyncio.Semaphore,
        rival: Rival | None,
    ) -> tuple[t.ProbeFinished, bytes]:
        order = [(trial.instance, trial.repeat) for trial in in_order(todo, evaluation.seed)]
        groups = {trial.instance: trial.group for trial in todo if trial.group}
        singly = grades_singly(evaluation.grading)
        race = None if rival is None else Race(rival, order, groups, singly=singly)
        repeated = len({trial.repeat for trial in todo}) > 1
        # repeats come after each other, so that only contenders are averaged
        parts = [[trial for trial in todo if (trial.repeat > 0) is later] for later in (False, True)]
        parts = parts if race and repeated else [list(todo)]
        async with place:
            named = Named(self._generation, self._attempt, request.ordinal, request.why, f"{len(todo)} of train")
            # the parameters of another program are all there, and those of this one say nothing of it
            params = {**({} if changes_of(request.params) else self._base.params), **request.params}
            key, measured = probe_key(evaluation, todo), [(evaluation, part) for part in parts]
            finished, found = await measure(named, measured, params, key, race, smoke=request.smoke)
            return finished, rows_of(found)


def _told(why: str, score: float, stopped: t.Stopped | None) -> str:
    if stopped is None:
        return why
    return f"{why}; stopped after {stopped.after} of {stopped.of}: {decimal(score)} against {decimal(stopped.same)}"


class Named(msgspec.Struct, frozen=True):
    """What names a probe in the log."""

    generation: int
    attempt: int
    ordinal: int
    why: str
    fold: str


async def measure(
    named: Named,
    parts: Sequence[tuple[Evaluation, Sequence[Trial]]],
    params: Mapping[str, Value],
    key: str,
    race: Race | None = None,
    *,
    smoke: bool = False,
) -> tuple[t.ProbeFinished, list[GradedAnswer]]:
    """Evaluates the `parts` of one probe after each other, or as far as its `race` goes, with `smoke` up to the first
    answer that fails: its event, and its answers in order."""
    prepared: list[Preparation] = []
    found: list[GradedAnswer] = []
    stopped: t.Stopped | None = None
    started = time.monotonic()
    ended = False
    for evaluation, todo in parts:
        if ended:
            break
        async with contextlib.aclosing(evaluate(evaluation, todo, prepared.append)) as arriving:
            async for answer, grade in arriving:
                short = replace(answer_codec.drop_large(answer), log=answer.log[-LOG_CHARS:])
                found.append(GradedAnswer(short, grade))
                stopped = race.take((answer.trial.instance, answer.trial.repeat), grade.score) if race else None
                ended = stopped is not None or (smoke and answer.failure is not None)
                if ended:
                    break
    cpu_s = sum(one.cpu_s for one in prepared) + sum(answer.cpu_s for answer, _ in found)
    if race and stopped:  # an answer that arrived before its turn is not told of: whether one does is chance
        first = set(race.first(stopped.after))
        found = [one for one in found if (one.answer.trial.instance, one.answer.trial.repeat) in first]
    found.sort(key=lambda one: (one.answer.trial.instance, one.answer.trial.repeat))
    check = private_check([grade for _, grade in found])
    broken = next((one.failure for one in prepared if one.failure), None)
    score = mean([grade.score for _, grade in found])
    finished = t.ProbeFinished(
        generation=named.generation,
        attempt=named.attempt,
        ordinal=named.ordinal,
        why=_told(named.why, score.score, stopped),
        params=dict(params),
        fold=named.fold,
        score=score,
        evaluations=len(found),
        cpu_s=round(cpu_s, 3),
        wall_s=round(time.monotonic() - started, 3),
        key=key,
        items=blobs.digest(rows_of(found)),
        failure=broken or next((answer.failure for answer, _ in found if answer.failure), None),
        refused=check is not None and not check.passed,
        weights=parts[0][0].candidate.weights,
        stopped=stopped,
        noise=noise({(one.answer.trial.instance, one.answer.trial.repeat): one.grade.score for one in found}),
    )
    return finished, found


def rows_of(found: Sequence[GradedAnswer]) -> bytes:
    """The rows that a probe records: instance, score, excerpt of the answer, and the private check's columns."""
    return msgspec.json.encode(
        [
            [answer.trial.instance, grade.score, answer_codec.excerpt(answer.value), *private_columns(grade)]
            for answer, grade in found
        ]
    )


def scores_of(rows: bytes) -> dict[str, float]:
    """The score of each instance in what `rows_of` made, the mean of its repeats."""
    found: dict[str, list[float]] = {}
    for instance, score, *_ in msgspec.json.decode(rows, type=list[list[Any]]):
        found.setdefault(instance, []).append(score)
    return {instance: sum(scores) / len(scores) for instance, scores in found.items()}
