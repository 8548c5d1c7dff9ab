"""Rollouts: the harness answers train instances in the sandbox, several times each, with the policy in training.

Its model calls are batched: when all sandboxes wait, the policy generates one batch of replies. Temperature and seed
are the training's, whatever the harness requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from msgspec.structs import replace

from domains.contract import Grade, Instance
from engine.errors import SiaError
from engine.evaluation import answer_codec
from engine.evaluation.evaluate import Evaluation, evaluate
from engine.evaluation.trial import trials
from engine.events import types as t
from engine.failure import StepFailure
from engine.models.calling import Position, ScoreRequest
from engine.models.protocol import Model, PermanentError, Reply, Request, ScoreReply
from engine.run.live_run import Run
from engine.seeds import derive
from engine.steps import evaluations
from engine.steps.training.monitor import Rollout, class_name
from engine.usage import Usage
from engine.weights.client import TrainerFailed
from engine.weights.recipe import Recipe
from harness_repo.harness import Harness

SLOTS = 64
"""Concurrent sandboxes; while they wait for the policy they use memory, but no CPU."""
QUIET_S = 0.25
"""Seconds without a new call after which a batch is generated, even if some sandbox has not called."""
Generate = Callable[[Sequence[Request]], Awaitable[list[Reply]]]


class BatchingCaller:
    """The model calls of one round's harnesses: answered in batches, and recorded by job and ordinal.

    `place` names the round within the lineage; `waiting` says how many jobs may be waiting at most.
    """

    def __init__(self, model: Model, generate: Generate, recipe: Recipe, seed: int, place: str, jobs: int) -> None:
        self.model = model
        self.calls: dict[str, dict[int, tuple[list[int], list[int]]]] = {}
        self.usage = Usage()
        self.unfinished = jobs
        self._generate, self._recipe, self._seed, self._place = generate, recipe, seed, place
        self._pending: list[tuple[str, int, Request, asyncio.Future[Reply]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._batch: asyncio.Task[None] | None = None

    @property
    def has_room(self) -> bool:
        """False: all `SLOTS` have a place, whether or not they wait."""
        return False

    async def chat(self, at: Position, request: Request) -> Reply:
        """The policy's reply, recorded."""
        place = f"{self._place}/{at.place.removeprefix('train/')}"
        seed = derive(self._seed, "model", place, at.ordinal)
        changed = replace(request, temperature=self._recipe.temperature, top_p=1.0, seed=seed, adapter=None)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._pending.append((place, at.ordinal, changed, reply))
        self.poke()
        given = await reply
        kept = self.calls.setdefault(at.place, {})
        if at.ordinal == 0:  # a job may run again
            kept.clear()
        kept[at.ordinal] = (list(given.prompt_ids), [token.id for token in given.tokens])
        return given

    async def score(self, at: Position, request: ScoreRequest) -> ScoreReply:
        """Raises `PermanentError`: scored texts are not sampled, so they cannot be trained on."""
        raise PermanentError("log-probabilities of given texts cannot be trained", "use chat, with choices")

    def poke(self) -> None:
        """Generates the pending calls if no other can arrive before; else waits `QUIET_S` for more."""
        if self._timer:
            self._timer.cancel()
            self._timer = None
        if not self._pending or self._batch:
            return
        if len(self._pending) >= min(SLOTS, self.unfinished):
            self._begin()
        else:
            self._timer = asyncio.get_running_loop().call_later(QUIET_S, self._begin)

    def _begin(self) -> None:
        self._timer = None
        if self._batch is None:
            self._batch = asyncio.create_task(self._answer())

    async def _answer(self) -> None:
        batch, self._pending = sorted(self._pending, key=lambda one: one[:2]), []
        try:
            replies = await self._generate([request for _, _, request, _ in batch])
            for (*_, future), reply in zip(batch, replies, strict=True):
                self.usage = Usage(self.usage.input + reply.usage.input, self.usage.output + reply.usage.output)
                if not future.done():
                    future.set_result(reply)
        except TrainerFailed as error:
            self._fail(batch, StepFailure(t.Failure(error.kind, str(error))))
        except Exception as error:
            self._fail(batch, error)
        finally:
            self._batch = None
            self.poke()

    def _fail(self, batch: Sequence[tuple[str, int, Request, asyncio.Future[Reply]]], error: Exception) -> None:
        for *_, future in batch:
            if not future.done():
                future.set_exception(error)

    async def close(self) -> None:
        """Cancels the batch that is being generated."""
        if self._timer:
            self._timer.cancel()
        if self._batch:
            self._batch.cancel()
            await asyncio.gather(self._batch, return_exceptions=True)


def require_train_only(instances: Sequence[Instance], train: Sequence[Instance], val: Sequence[Instance]) -> None:
    """Raises `SiaError` for an instance that is not in `train`, or whose id or data is also in `val`."""
    ids, held = {item.id for item in train}, {item.id for item in val}
    shown = [item.data for item in val]
    for item in instances:
        if item.id not in ids or item.id in held or item.data in shown:
            raise SiaError(
                f"the instance {item.id} is not only in train, so training must not use it",
                "correct the domain's splits: no instance of val or test may be in train",
            )


async def roll_out(
    run: Run,
    harness: Harness,
    instances: Sequence[Instance],
    learn: Sequence[Instance],
    *,
    recipe: Recipe,
    generate: Generate,
    place: str,
    done: Callable[[Rollout], None],
) -> tuple[list[Rollout], Usage]:
    """`recipe.samples` graded executions of each of `instances`, in their order, and their token usage.

    The harness is prepared on `learn`, which must not contain any of `instances`. `done` is called with each graded
    rollout. Raises `StepFailure`, and `SiaError` for an instance that is not only in `train`.
    """
    model, seed = run.ports.task_model, run.state.root_seed
    if model is None:
        raise AssertionError("only a run with a task model trains")
    require_train_only(instances, await run.domain.train(), await run.domain.val())
    labels = {item.id: class_name(item.label) for item in instances}
    todo = trials("train", instances, range(recipe.samples), derive(seed, place))
    caller = BatchingCaller(model.model, generate, recipe, seed, place, len(todo))
    evaluation = Evaluation(
        grading=evaluations.grading(run, workers=SLOTS),
        harness=harness,
        candidate=t.Candidate(""),
        material=learn,
        model=caller,
        on_tool=evaluations.recorded(run),
        seed=seed,
    )
    found: dict[tuple[str, int], Rollout] = {}
    try:
        async for answer, grade in evaluate(evaluation, todo):
            name, sample = answer.trial.instance, answer.trial.repeat
            calls = caller.calls.get(answer.trial.key, {})
            short = "" if answer.failure else answer_codec.excerpt(answer.value)
            ordered = [calls[ordinal] for ordinal in sorted(calls)]
            found[name, sample] = Rollout(name, sample, _reward(grade), short, labels[name], ordered)
            caller.unfinished -= 1
            caller.poke()
            done(found[name, sample])
    finally:
        await caller.close()
    return [found[item.id, sample] for item in instances for sample in range(recipe.samples)], caller.usage


def _reward(grade: Grade) -> float:
    """The score; at most 0 if the private check failed."""
    below = grade.honest is not None and grade.floor is not None and grade.honest < grade.floor
    return min(grade.score, 0.0) if grade.refused or below else grade.score
