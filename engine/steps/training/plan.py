"""Everything that a training depends on; its digest identifies a training that the lineage has already done.

Training uses the instances that harnesses learn from in an Execution, never the measured sample of `train`, nor `val`
or `test`. The harness of a round does not learn from the instances that the round answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from domains.contract import Instance
from engine.evaluation.trial import prepared_on
from engine.events import types as t
from engine.events.storage import blobs
from engine.run.live_run import Run
from engine.seeds import derive
from engine.weights.recipe import Recipe, recipe


class TrainingPlan(msgspec.Struct, frozen=True):
    """All that a training depends on; `folder` is for its checkpoints."""

    generation: int
    recipe: Recipe
    harness: str
    parent: str | None
    base: str
    checkpoint: Path
    seed: int
    order: Sequence[Instance]
    key: str
    folder: Path

    def round(self, number: int, *, learns: bool) -> tuple[list[Instance], list[Instance]]:
        """The instances that round `number` answers, and those its harness learns from; rounds cycle through all."""
        every = len(self.order)
        size = min(self.recipe.instances or every, every // 2 if learns else every) or 1
        chosen = [self.order[((number - 1) * size + place) % every] for place in range(size)]
        taken = {item.id for item in chosen}
        return chosen, [item for item in self.order if item.id not in taken]


async def make_plan(run: Run, generation: int, analysis: t.AnalysisFinished) -> TrainingPlan:
    """The plan of the training that an Analysis after `generation` chose."""
    from engine.models import catalog

    state = run.state
    now, settings, model = state.of(state.incumbent or generation).candidate, state.settings, run.ports.task_model
    if model is None:
        raise AssertionError("only a run with a task model trains")
    made = recipe(analysis.algorithm, analysis.recipe)
    learn, _ = await run.domain.divided_train(settings, state.root_seed)
    seed = derive(state.root_seed, "training", generation)
    order = sorted(learn, key=lambda item: derive(seed, item.id))
    depends = [
        state.domain.digest, model.model.weights, now.weights, now.harness, msgspec.to_builtins(made), seed,
        prepared_on(learn), state.root_seed, *(["trl"] if settings.trainer == "trl" else []),
    ]  # fmt: skip
    key = blobs.digest(msgspec.json.encode(depends, order="deterministic"))
    return TrainingPlan(
        generation=generation,
        recipe=made,
        harness=now.harness,
        parent=now.weights,
        base=model.model.weights,
        checkpoint=catalog.checkpoint_of(catalog.parse(settings.model)),
        seed=seed,
        order=order,
        key=key,
        folder=run.ports.folder / "training" / key,
    )
