"""Runs a candidate on the user's own input, in the sandbox.

This reads the log and writes nothing, so it works beside a live engine and on a sealed recording, and changes no
score, budget or count of test readings. No instance of the sealed test is used. The harness is prepared on `train` and
`val` together, as in `sia test`, or exactly as in its Execution, where it then gives the same answers as in its run.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal

from msgspec.structs import replace

from domains.contract import Instance
from engine import trust
from engine.checkout.folder import Checkout
from engine.checkout.runner import read
from engine.errors import SiaError
from engine.evaluation import evaluate
from engine.evaluation.domain_tools import unrecorded
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import Evaluation, Grading, OnPrepared
from engine.evaluation.trial import Answer, trial
from engine.events import types as t
from engine.grading.client import Grader
from engine.models.calling import BudgetExceeded, Caller, PaidReply, Position, Usable
from engine.models.protocol import RetryableError
from engine.run.domain_session import divide
from engine.run.models import serve
from engine.run.named_paths import models_of
from engine.sandbox import Isolation
from harness_repo import harness as harnesses

PreparedOn = Literal["train+val", "run"]
Form = Literal["jsonl", "text"]


def parse_input(text: str, form: Form) -> list[Instance]:
    """The instances of an input: a text, without its last line end, is one; JSON lines have one a line.

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
    """A ledger that stores nothing: `sia apply` and `sia check` write no events. It counts, and keeps a cap in dollars.

    `unpriced` counts calls whose price is not known.
    """

    def __init__(self, cap_usd: float | None = None) -> None:
        self._cap = float("inf") if cap_usd is None else cap_usd
        self._reserved = 0.0
        self.calls = self.tokens = self.unpriced = 0
        self.usd = 0.0

    def recall(self, at: Position, request: bytes, is_usable: Usable = lambda *_: True) -> bytes | None:
        return None

    def claim(self, at: Position, request: bytes, patience_s: float) -> AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def reserve(self, usd: float, tokens: int) -> Iterator[None]:
        if self.usd + self._reserved + usd > self._cap:
            raise BudgetExceeded("usd", self.usd, self._cap, self._reserved + usd)
        self._reserved += usd
        try:
            yield
        finally:
            self._reserved -= usd

    async def keep(self, at: Position, request: bytes, paid: PaidReply) -> None:
        self._count(paid)

    def waste(self, at: Position, request: bytes, paid: PaidReply, reason: str, *, bound: bool) -> None:
        self._count(paid)

    def _count(self, paid: PaidReply) -> None:
        self.calls += 1
        self.tokens += paid.usage.total
        self.usd += paid.usd
        self.unpriced += paid.unpriced

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: RetryableError) -> None:
        pass


@contextlib.asynccontextmanager
async def task_model(
    checkout: Checkout, folder: Path, ledger: Unrecorded, cap_usd: float | None = None
) -> AsyncIterator[Caller | None]:
    """The run's model for `ctx.model`, with unrecorded calls; None if the run has none.

    `folder` is the workspace; its settings say how to reach the model. Raises `SiaError` for a cap in dollars on a
    model whose price is not known.
    """
    if not checkout.state.settings.model:
        yield None
        return
    trust.check(None, models_of(checkout.state.settings))
    settings = replace(checkout.state.settings, budget=t.Budget(usd=cap_usd))
    served = await serve(settings.model, settings, folder, adapters=folder / "adapters")
    try:
        yield Caller(served, ledger)
    finally:
        await served.model.close()


async def material(checkout: Checkout, grader: Grader, prepared_on: PreparedOn) -> list[Instance]:
    """What `ctx.train()` may return: train and val, as in `sia test`, or what the Execution trained on."""
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
    """The candidate's evaluation without a judge: its answers are not graded."""
    return Evaluation(
        grading=Grading(grader, None, isolation, workers),
        harness=harnesses.parse(checkout.files),
        candidate=checkout.generation.candidate,
        material=learn,
        model=model,
        on_tool=unrecorded,
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
    """The answers to `inputs` in order, each as soon as those before it are ready.

    An input gets the seeds of the instance of `val` with the same id in `repeat`. `on_answer` receives the number of
    answers so far. Raises `SiaError` if the sandbox or the model fails.
    """
    todo = [trial("val", item, repeat, chosen.seed) for item in inputs]
    waiting: dict[str, Answer] = {}
    yielded = 0
    try:
        async with contextlib.aclosing(evaluate.answer(chosen, todo, on_prepared)) as answers:
            async for answer in answers:
                waiting[answer.trial.key] = answer
                if on_answer:
                    on_answer(yielded + len(waiting))
                while yielded < len(todo) and todo[yielded].key in waiting:
                    yield waiting.pop(todo[yielded].key)
                    yielded += 1
    except InfrastructureFailure as error:
        raise run_error(error) from None
    except BudgetExceeded as error:
        raise SiaError(str(error), "pass a higher --budget-usd, or leave it out") from None


def run_error(error: InfrastructureFailure) -> SiaError:
    """The error to show if the sandbox or the model fails."""
    return SiaError(f"the candidate could not be run ({error})", "see `sia doctor`")
