"""Harnesses that a language model has edited, tried on cases of `train` beside the best candidate, within the budget.

Each is a probe, an event; what this run or its lineage has tried is not executed again. The cases are held out: the
harness does not learn from what it is tried on. Unless the model names others, they are the first of the run's probe
fold, so that tries of one size are comparable with each other and with the search agent's probes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from domains.contract import Instance
from engine.agents.protocol import Cases, ToolResult
from engine.core import budget, units
from engine.evaluation.evaluate import Evaluation
from engine.evaluation.trial import Trial
from engine.events import types as t
from engine.events.storage import blobs
from engine.plain import plural
from engine.run.live_run import Run
from engine.run.reuse import is_of_candidate
from engine.seeds import derive, sample
from engine.steps.evaluations import grading, of_proposal, trials_of
from engine.steps.probes import Named, measure, probe_key, rows_of
from engine.steps.workbench.tryout_report import Report, Tried, describe, report_of
from harness_repo.harness import Harness

FOLDS = 5
"""Folds of a try out of fold: each case is answered by a harness that learnt from the other folds."""
KEPT_BACK = 15
"""Evaluations that tries leave: what is decided is run on a few cases, a few times if it must be repaired."""
BASE = "the best candidate, to compare with"


class _Part(msgspec.Struct, frozen=True):
    todo: Sequence[Trial]
    material: Sequence[Instance]


class Tryouts:
    """The tries of one conversation: of the Improvement of `generation` and `attempt`, from the harness `base`.

    The Meta-Agent has no `base`, and its conversations are those of generation 0.
    """

    def __init__(self, run: Run, generation: int, attempt: int, base: Harness | None) -> None:
        self._run, self._generation, self._attempt, self._base = run, generation, attempt, base

    @property
    def evaluations(self) -> int:
        """How many evaluations they may take together: as many as the search agent's probes."""
        settings = self._run.state.settings
        return settings.probes * settings.probe_fold * settings.repeats

    async def run(self, ordinal: int, harness: Harness, cases: Cases, why: str) -> ToolResult:
        """Score, paired difference, failures and time of `harness` on `cases`, or why it was not tried.

        `ordinal` is that of the tool's call. Raises as `evaluate` does.
        """
        parts, fold = await self._parts(cases)
        if not parts:
            return ToolResult(fold, failed=True)
        arms = [harness] if self._base is None or self._base.files == harness.files else [self._base, harness]
        keys = [_key(self._evaluations(arm, parts), parts) for arm in arms]
        own = {one.key: one for one in self._run.effects.probes if is_of_candidate(one.failure)}
        needed = sum(len(part.todo) for key in keys if key not in own for part in parts)
        if (refused := self._refuse(needed)) is not None:
            return ToolResult(refused, failed=True)
        found: list[Tried] = []
        for place, (arm, key) in enumerate(zip(arms, keys, strict=True)):
            named = Named(self._generation, self._attempt, 2 * ordinal + place, why if arm is arms[-1] else BASE, fold)
            found.append(self._read(own.get(key) or await self._measure(named, arm, parts, key)))
        groups = units.groups_of(await self._run.domain.train())
        text = describe(found[-1], found[0] if len(found) > 1 else None, groups)
        return ToolResult(text, failed=found[-1].broken)

    async def _measure(self, named: Named, harness: Harness, parts: Sequence[_Part], key: str) -> t.ProbeFinished:
        run = self._run
        contents: list[bytes] = []
        if (known := run.reuse.probe(key)) is not None:
            probe = replace(known, **msgspec.structs.asdict(named), reused=True)
        else:
            evaluations = self._evaluations(harness, parts)
            todo = [(evaluation, part.todo) for evaluation, part in zip(evaluations, parts, strict=True)]
            probe, answers = await measure(named, todo, harness.params, key)
            report = msgspec.json.encode(report_of(answers))
            probe, contents = replace(probe, report=blobs.digest(report)), [rows_of(answers), report]
        generation = run.state.open_step.generation if run.state.open_step else named.generation
        run.append(generation, probe, contents=contents)
        return probe

    def _read(self, probe: t.ProbeFinished) -> Tried:
        reader = self._run.log.reader
        report = Report()
        with contextlib.suppress(blobs.LeftOut):  # the run came here without its data
            report = msgspec.json.decode(reader.blob(probe.report), type=Report) if probe.report else report
        return Tried(probe, msgspec.json.decode(reader.blob(probe.items), type=list[list[object]]), report)

    def _evaluations(self, harness: Harness, parts: Sequence[_Part]) -> list[Evaluation]:
        found = [of_proposal(self._run, harness, part.material) for part in parts]
        return [replace(one, grading=grading(self._run)) for one in found]

    async def _parts(self, cases: Cases) -> tuple[list[_Part], str]:
        """The cases with what may be learnt for them, and their name; without cases, why there are none."""
        train, seed = await self._run.domain.train(), self._run.state.root_seed
        if cases.out_of_fold:
            groups = units.groups_of(train)
            folds: dict[int, set[str]] = {}
            for item in train:  # a group stays together: it must not be learnt from and answered at once
                fold = derive(seed, "out of fold", groups.get(item.id, item.id)) % FOLDS
                folds.setdefault(fold, set()).add(item.id)
            return [self._part(train, folds[fold]) for fold in sorted(folds)], f"all {len(train)} of train, out of fold"
        ids = [item.id for item in train]
        if unknown := sorted(set(cases.named) - set(ids)):
            return [], f"train has no case {unknown[0]!r}"
        most = max(1, len(ids) // 2)
        if len(set(cases.named)) > most:
            return [], f"name at most {plural(most, 'case')}: the harness learns from the others"
        chosen = set(cases.named or sample(ids, min(cases.count, most), seed, "probe fold"))
        return [self._part(train, chosen)], f"{len(chosen)} of train"

    def _part(self, train: Sequence[Instance], chosen: set[str]) -> _Part:
        held_out = [item for item in train if item.id in chosen]
        todo = trials_of(self._run, range(self._run.state.settings.repeats), train=held_out)["train"]
        return _Part(todo, [item for item in train if item.id not in chosen])

    def _refuse(self, needed: int) -> str | None:
        run = self._run
        left = self.evaluations
        left -= sum(one.evaluations for one in run.effects.probes_of(self._generation, self._attempt))
        if (affordable := budget.affordable_evaluations(run.state)) is not None:
            left = min(left, affordable - KEPT_BACK)
        if needed <= left:
            return None
        takes = plural(needed, "evaluation")
        return f"not tried: it takes {takes}, the best candidate's included, and {max(0, left)} are left"


def _key(evaluations: Sequence[Evaluation], parts: Sequence[_Part]) -> str:
    keys = [probe_key(one, part.todo) for one, part in zip(evaluations, parts, strict=True)]
    return keys[0] if len(keys) == 1 else blobs.digest(msgspec.json.encode(keys))
