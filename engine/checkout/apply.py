"""A run's candidate on a person's own input, in the sandbox.

This reads the log and writes nothing: it works beside a live engine and on a sealed recording, and changes no score,
no budget and no count of readings. No instance of the sealed test is used. The harness is prepared on `train` and `val`
together, as in `sia test`, or exactly as in its Execution, and then answers as it did in its run.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Literal

from domains.contract import Instance
from engine.checkout.folder import Checkout
from engine.checkout.runner import read
from engine.errors import SiaError
from engine.evaluation import evaluate
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import Evaluation, Grading, OnPrepared
from engine.evaluation.trial import Answer, trial
from engine.grading.client import Grader
from engine.models.calling import Caller, PaidReply, Position
from engine.models.protocol import RetryableError
from engine.run.domain_session import divide
from engine.run.models import serve
from engine.sandbox import Isolation
from harness_repo import harness as harnesses

PreparedOn = Literal["train+val", "run"]
Form = Literal["jsonl", "text"]


def parse_input(text: str, form: Form) -> list[Instance]:
    """The instances of an input: a text (without its last line end) is one; JSON lines hold one a line.

    Raises `SiaError` for anything else.
    """
    if form == "text":
        return [Instance(id="1", data=text.removesuffix("\n").removesuffix("\r"))]
    try:
        found = [Instance(id=row.id, data=row.data) for row in read(text.split("\n"))]
    except ValueError as error:
        raise SiaError(
            f"the input cannot be read: {error}", "correct it, or pass --as text for one plain text"
        ) from None
    if not found:
        raise SiaError("the input holds no instance", "write one a line, as JSON")
    return found


class Unrecorded:
    """A ledger that keeps nothing: neither `sia apply` nor `sia check` writes an event."""

    def recall(self, at: Position, request: bytes) -> bytes | None:
        return None

    def reserve(self, usd: float, tokens: int) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def keep(self, at: Position, request: bytes, paid: PaidReply) -> None:
        pass

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: RetryableError) -> None:
        pass


@contextlib.asynccontextmanager
async def task_model(checkout: Checkout, folder: Path) -> AsyncIterator[Caller | None]:
    """The run's model for `ctx.model`, its calls unrecorded; None where the run has none.

    `folder` is the workspace whose settings say how it is reached.
    """
    if not checkout.state.settings.model:
        yield None
        return
    served = await serve(checkout.state.settings.model, checkout.state.settings, folder, adapters=folder / "adapters")
    try:
        yield Caller(served, Unrecorded())
    finally:
        await served.model.close()


async def material(checkout: Checkout, grader: Grader, prepared_on: PreparedOn) -> list[Instance]:
    """What `ctx.train()` may return: train and val, as in `sia test`, or what the Execution learnt from."""
    if prepared_on == "train+val":
        return await grader.labelled()
    learnable, _ = divide(await grader.instances("train"), checkout.state.settings, checkout.state.root_seed)
    return learnable


def evaluation(
    checkout: Checkout,
    grader: Grader,
    learn: Sequence[Instance],
    *,
    model: Caller | None,
    isolation: Isolation,
    workers: int,
) -> Evaluation:
    """The candidate's evaluation without a judge, whose answers are used ungraded."""
    return Evaluation(
        grading=Grading(grader, None, isolation, workers),
        harness=harnesses.parse(checkout.files),
        candidate=checkout.generation.candidate,
        material=learn,
        model=model,
        seed=checkout.state.root_seed,
    )


async def apply(
    chosen: Evaluation,
    inputs: Sequence[Instance],
    repeat: int,
    *,
    on_prepared: OnPrepared | None = None,
    on_answer: Callable[[int], None] | None = None,
) -> AsyncIterator[Answer]:
    """The answers to `inputs` in their order, each as soon as those before it are there.

    An input is treated as the instance of `val` with its id under `repeat`: the seeds are the same. `on_answer` is
    given the number of answers so far. Raises `SiaError` where the sandbox or the model could not do its work.
    """
    todo = [trial("val", item, repeat, chosen.seed) for item in inputs]
    waiting: dict[str, Answer] = {}
    given = 0
    try:
        async with contextlib.aclosing(evaluate.answer(chosen, todo, on_prepared)) as answers:
            async for answer in answers:
                waiting[answer.trial.key] = answer
                if on_answer:
                    on_answer(given + len(waiting))
                while given < len(todo) and todo[given].key in waiting:
                    yield waiting.pop(todo[given].key)
                    given += 1
    except InfrastructureFailure as error:
        raise not_run(error) from None


def not_run(error: InfrastructureFailure) -> SiaError:
    """What to tell a person where the sandbox or the model could not do its work."""
    return SiaError(f"the candidate could not be run ({error})", "see `sia doctor`")
