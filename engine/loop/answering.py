"""Putting a harness to instances: in the sandbox for the answers, in the grading process for the verdicts.

Every way of running a harness (an Execution, a probe, the sealed test, a person's own input) goes through `solve_all`,
and all that is graded through `answer_all`, so that none can differ in what it isolates, limits or calls a failure.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, Literal

import msgspec

from domains.contract import Grade, Instance, Limits, Split
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.loop.run import Ports, StepFailure
from engine.sandbox import Broker, Isolation, Job, Outcome, Program, open_sandbox
from engine.seeds import derive
from harness_repo.harness import Harness

OnPrepared = Callable[[float, float, t.Failure | None, str], None]
"""Told what came of `prepare`: CPU seconds, wall seconds, the failure, the log."""


class Task(msgspec.Struct, frozen=True):
    """One instance to be answered: `seed` is the same for every candidate that meets it."""

    split: Split
    instance: str
    repeat: int
    seed: int
    data: Any


class Answered(msgspec.Struct, frozen=True):
    """A task with its answer and grade. A failed one has the score 0 and says whose fault it was."""

    task: Task
    answer: Any
    grade: Grade
    failure: t.Failure | None
    cpu_s: float
    wall_s: float
    log: str


def tasks(split: Split, instances: Sequence[Instance], repeats: Sequence[int], seed: int) -> list[Task]:
    """One task for each instance and repeat."""
    return [
        Task(split, item.id, repeat, derive(seed, "instance", item.id, repeat), item.data)
        for item in instances
        for repeat in repeats
    ]


def prepared_on(train: Sequence[Instance]) -> str:
    """The name of what a harness learns from: equal names are equal sets of instances."""
    ids = msgspec.json.encode(sorted(item.id for item in train))
    return hashlib.sha256(ids).hexdigest()[:16]


async def answer_all(
    ports: Ports,
    harness: Harness,
    todo: Sequence[Task],
    *,
    train: Sequence[Instance],
    seed: int,
    workers: int,
    limits: Limits,
    broker: Broker,
    on_prepared: OnPrepared | None = None,
) -> AsyncIterator[Answered]:
    """Answers and grades `todo` in the order in which they finish.

    Raises `StepFailure` where the sandbox could not do its work: an infrastructure failure is never a score.
    """
    by_key = {f"{task.split}/{task.instance}/{task.repeat}": task for task in todo}
    jobs = [Job(key=key, instance_id=task.instance, data=task.data, seed=task.seed) for key, task in by_key.items()]
    solving = solve_all(
        harness,
        jobs,
        train=train,
        seed=seed,
        workers=workers,
        limits=limits,
        per=ports.grader.folder.spec.isolation,
        isolation=ports.isolation,
        broker=broker,
        on_prepared=on_prepared,
    )
    async with contextlib.aclosing(solving) as outcomes:
        async for outcome in outcomes:
            failure = as_failure(outcome.failure)
            if failure and failure.kind == "infrastructure":
                raise StepFailure(failure)
            task = by_key[outcome.key]
            given = Grade(score=0.0)
            if failure is None:
                given, failure = await grade(ports.grader, task, outcome.answer)
            yield Answered(task, outcome.answer, given, failure, outcome.cpu_s, outcome.wall_s, outcome.log)


async def solve_all(
    harness: Harness,
    jobs: Sequence[Job],
    *,
    train: Sequence[Instance],
    seed: int,
    workers: int,
    limits: Limits,
    per: Literal["execution", "instance"],
    isolation: Isolation,
    broker: Broker,
    on_prepared: OnPrepared | None = None,
) -> AsyncGenerator[Outcome, None]:
    """What comes of `jobs`, ungraded, in the order in which they finish; `train` is what the harness learns from."""
    program = Program(
        files=harness.files,
        entry=harness.manifest.entry,
        params=harness.params,
        train=list(train),
        seed=derive(seed, "prepare"),
        limits=limits,
        isolation=per,
    )
    async with open_sandbox(program, workers=workers, broker=broker, isolation=isolation) as session:
        if on_prepared:
            prepared = session.prepared
            on_prepared(prepared.cpu_s, prepared.wall_s, as_failure(prepared.failure), prepared.log)
        async with contextlib.aclosing(session.solve(jobs)) as outcomes:
            async for outcome in outcomes:
                yield outcome


async def grade(grader: Grader, task: Task, answer: Any) -> tuple[Grade, t.Failure | None]:
    """The grade of an answer, or a score of 0 with the failure of a verifier that had none."""
    try:
        given = await grader.grade(task.split, task.instance, answer)
    except GraderFailed as error:
        return Grade(score=0.0), t.Failure("verifier", str(error))
    if not math.isfinite(given.score):
        return Grade(score=0.0), t.Failure("verifier", f"the grader returned {given.score}")
    return given, None


def as_failure(failure: Any) -> t.Failure | None:
    """A sandbox's failure in the words of the log."""
    return t.Failure(failure.kind, failure.message) if failure else None
