"""A run's candidate on a person's own input, in the sandbox.

This reads the log and writes nothing: it works beside a live engine and on a sealed recording, and changes no score,
no budget and no count of readings. No instance of the sealed test is put to anything. The harness is prepared on
`train` and `val` together, as for `sia test`, or exactly as its Execution did, and then answers as it did in its run.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from domains.contract import Instance
from engine.checkout.folder import Taken
from engine.checkout.runner import read
from engine.errors import SiaError
from engine.evaluation.evaluate import OnPrepared, as_failure, prepared_on, solve_all
from engine.evaluation.model_broker import NoModel, TaskBroker
from engine.events import types as t
from engine.grading.client import Grader
from engine.models.calling import Caller, Paid, Position
from engine.models.protocol import Transient
from engine.run.models import serve
from engine.sandbox import Broker, Isolation, Job
from engine.seeds import derive
from engine.steps.execution import divide
from harness_repo import harness as harnesses

Material = Literal["train+val", "run"]
Form = Literal["jsonl", "text"]


class Applied(msgspec.Struct, frozen=True):
    """What came of one input: an answer, or a failure that says whose fault it was."""

    id: str
    answer: Any
    failure: t.Failure | None
    cpu_s: float
    wall_s: float
    log: str


class Learnt(msgspec.Struct, frozen=True):
    """What the harness was prepared on; `digest` is what the log calls `prepared` for the same instances."""

    material: Material
    instances: list[Instance]

    @property
    def digest(self) -> str:
        """The name of the set of instances."""
        return prepared_on(self.instances)


def parse_input(text: str, form: Form) -> list[Instance]:
    """The instances of an input: one of a text (without its last line end), one a line of JSON lines.

    Raises `SiaError` for anything else.
    """
    if form == "text":
        return [Instance(id="1", data=text.removesuffix("\n").removesuffix("\r"))]
    try:
        found = [Instance(id=row.id, data=row.data) for row in read(text.split("\n"))]
    except ValueError as error:
        raise SiaError(f"the input cannot be read: {error}", "mend it, or pass --as text for one plain text") from None
    if not found:
        raise SiaError("the input holds no instance", "give it one a line, as JSON")
    return found


class Unrecorded:
    """A ledger that keeps nothing: neither applying nor checking writes an event."""

    def recall(self, at: Position, request: bytes) -> bytes | None:
        return None

    def reserve(self, usd: float, tokens: int) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext()

    def keep(self, at: Position, request: bytes, paid: Paid) -> None:
        pass

    def retried(self, at: Position, weights: str, attempt: int, wait_s: float, error: Transient) -> None:
        pass


@contextlib.asynccontextmanager
async def task_model(taken: Taken, folder: Path) -> AsyncIterator[Broker]:
    """What `ctx.model` reaches when a candidate is applied: the run's model, its calls unrecorded.

    `folder` is the workspace whose settings say how it is reached.
    """
    if not taken.state.set.model:
        yield NoModel()
        return
    served = await serve(taken.state.set.model, taken.state.set, folder, adapters=folder / "adapters")
    adapter = taken.generation.candidate.weights
    try:
        yield TaskBroker(Caller(served, Unrecorded()), taken.state.root_seed, taken.version.commit, adapter)
    finally:
        await served.model.close()


async def learn(taken: Taken, grader: Grader, material: Material) -> Learnt:
    """What `taken` is to be prepared on."""
    if not grader.folder.spec.learns:
        return Learnt(material, [])
    if material == "train+val":
        return Learnt(material, await grader.labelled())
    learnable, _ = divide(await grader.instances("train"), taken.state.set, taken.state.root_seed)
    return Learnt(material, learnable)


async def apply(
    taken: Taken,
    grader: Grader,
    learnt: Learnt,
    inputs: Sequence[Instance],
    *,
    isolation: Isolation,
    broker: Broker,
    workers: int,
    on_prepared: OnPrepared | None = None,
    on_answer: Callable[[int], None] | None = None,
) -> AsyncIterator[Applied]:
    """The answers to `inputs` in their order, each as soon as those before it are there.

    `on_answer` is told how many are done. Raises `SiaError` where the sandbox could not do its work.
    """
    seed = taken.state.root_seed
    jobs = [
        Job(str(place), item.id, item.data, derive(seed, "instance", item.id, taken.repeat))
        for place, item in enumerate(inputs)
    ]
    spec = grader.folder.spec
    solving = solve_all(
        harnesses.parse(taken.files),
        jobs,
        train=learnt.instances,
        seed=seed,
        workers=workers,
        limits=spec.limits,
        per=spec.isolation,
        isolation=isolation,
        broker=broker,
        on_prepared=on_prepared,
    )
    waiting: dict[int, Applied] = {}
    given = 0
    async with contextlib.aclosing(solving) as outcomes:
        async for outcome in outcomes:
            failure = as_failure(outcome.failure)
            if failure and failure.kind == "infrastructure":
                raise SiaError(f"the sandbox could not do its work ({failure.message})", "see `sia doctor`")
            place = int(outcome.key)
            waiting[place] = Applied(
                inputs[place].id, outcome.answer, failure, outcome.cpu_s, outcome.wall_s, outcome.log
            )
            if on_answer:
                on_answer(given + len(waiting))
            while given in waiting:
                yield waiting.pop(given)
                given += 1
