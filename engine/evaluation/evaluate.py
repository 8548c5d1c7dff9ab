"""Putting a harness to instances: in the sandbox for the answers, in the grading process for the verdicts.

Every way of running a harness (an Execution, a probe, the sealed test, a person's own input) goes through `solve_all`,
and all that is graded through `answer_all`, so that none can differ in what it isolates, limits or calls a failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
from msgspec.structs import replace

from domains.contract import Grade, Instance, Limits, Split
from engine.core.failure import StepFailure
from engine.evaluation.judge import Judge, assess
from engine.evaluation.model_broker import NoModel
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import Folder
from engine.sandbox import Broker, Isolation, Job, Outcome, Program, open_sandbox
from engine.seeds import derive
from harness_repo.harness import Harness, read_folder

OnPrepared = Callable[[float, float, t.Failure | None, str], None]
"""Told what came of `prepare`: CPU seconds, wall seconds, the failure, the log."""


class Ports(Protocol):
    """What it takes to answer and to grade: of `engine.run.session.Ports` these two."""

    @property
    def grader(self) -> Grader:
        """The domain in its process."""
        ...

    @property
    def isolation(self) -> Isolation:
        """What harnesses are run in."""
        ...


class Task(msgspec.Struct, frozen=True):
    """One instance to be answered: `seed` is the same for every candidate that meets it."""

    split: Split
    instance: str
    repeat: int
    seed: int
    data: Any


class Answered(msgspec.Struct, frozen=True):
    """A task with its answer and grade. A failed one has the domain's score for that and says whose fault it was."""

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
    judge: Judge | None,
    on_prepared: OnPrepared | None = None,
) -> AsyncIterator[Answered]:
    """Answers and grades `todo` in the order in which they finish; `judge` is there where the domain wants one.

    Raises `StepFailure` where the sandbox could not do its work: an infrastructure failure is never a score.
    """
    folder = ports.grader.folder
    solving = solve_all(
        harness,
        jobs_of(todo),
        train=train,
        seed=seed,
        workers=workers,
        limits=limits,
        per=folder.spec.isolation,
        isolation=ports.isolation,
        broker=broker,
        on_prepared=on_prepared,
        folders=folder.folders(),
    )
    async with contextlib.aclosing(grade_all(ports, judge, todo, solving, workers)) as graded:
        async for answered in graded:
            yield answered


async def grade_all(
    ports: Ports,
    judge: Judge | None,
    todo: Sequence[Task],
    solving: AsyncGenerator[Outcome, None],
    workers: int,
) -> AsyncGenerator[Answered, None]:
    """The grades of what `solving` answers to `todo`, by way of the domain's verifier where it has one."""
    folder, by_key = ports.grader.folder, {job.key: task for task, job in zip(todo, jobs_of(todo), strict=True)}
    if folder.verifier is not None:
        solving = _verified(folder, jobs_of(todo), solving, workers, ports.isolation)
    judged: set[asyncio.Task[Answered]] = set()
    try:
        async with contextlib.aclosing(solving) as outcomes:
            async for outcome in outcomes:
                answered = _answered(ports.grader, judge, by_key[outcome.key], outcome)
                if judge is None:
                    yield await answered
                    continue
                judged.add(asyncio.create_task(answered))  # a judge takes its time, and several answers at once
                for done in [task for task in judged if task.done()]:
                    judged.remove(done)
                    yield done.result()
        while judged:
            ready, judged = await asyncio.wait(judged, return_when=asyncio.FIRST_COMPLETED)
            for done in ready:
                yield done.result()
    finally:
        for waiting in judged:
            waiting.cancel()
        await asyncio.gather(*judged, return_exceptions=True)


def jobs_of(todo: Sequence[Task]) -> list[Job]:
    """One job for each task, named by it."""
    return [Job(f"{task.split}/{task.instance}/{task.repeat}", task.instance, task.data, task.seed) for task in todo]


async def _verified(
    folder: Folder, jobs: Sequence[Job], solving: AsyncGenerator[Outcome, None], workers: int, isolation: Isolation
) -> AsyncGenerator[Outcome, None]:
    """What the domain's verifier makes of each answer, in a sandbox that never held a process of the harness.

    Failures pass through; what the verifier fails at is the answer's failure. CPU, time and logs add up.
    """
    async with contextlib.aclosing(solving) as outcomes:
        answered = {outcome.key: outcome async for outcome in outcomes}
    asked: list[Job] = []
    for job in jobs:
        if (outcome := answered[job.key]).failure is not None:
            yield outcome
        else:
            asked.append(replace(job, data={"data": job.data, "answer": outcome.answer}))
    if not asked:
        return
    verifying = solve_all(
        read_folder(folder.path / "verifier", without="given"),
        asked,
        train=[],
        seed=0,
        workers=workers,
        limits=folder.spec.limits,
        per="instance",
        isolation=isolation,
        broker=NoModel(),
        folders=folder.folders("verifier"),
        roomy=True,
    )
    async with contextlib.aclosing(verifying) as outcomes:
        async for outcome in outcomes:
            before = answered[outcome.key]
            yield replace(
                outcome,
                cpu_s=before.cpu_s + outcome.cpu_s,
                wall_s=before.wall_s + outcome.wall_s,
                log=before.log + outcome.log,
            )


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
    folders: Mapping[str, str] = {},
    roomy: bool = False,
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
        folders=folders,
        roomy=roomy,
    )
    async with open_sandbox(program, workers=workers, broker=broker, isolation=isolation) as session:
        if on_prepared:
            prepared = session.prepared
            on_prepared(prepared.cpu_s, prepared.wall_s, as_failure(prepared.failure), prepared.log)
        async with contextlib.aclosing(session.solve(jobs)) as outcomes:
            async for outcome in outcomes:
                yield outcome


async def _answered(grader: Grader, judge: Judge | None, task: Task, outcome: Outcome) -> Answered:
    failure = as_failure(outcome.failure)
    if failure and failure.kind == "infrastructure":
        raise StepFailure(failure)
    given = Grade(score=grader.folder.spec.failure_score)
    if failure is None:
        given, failure = await grade(grader, judge, task, outcome.answer)
    return Answered(task, outcome.answer, given, failure, outcome.cpu_s, outcome.wall_s, outcome.log)


async def grade(grader: Grader, judge: Judge | None, task: Task, answer: Any) -> tuple[Grade, t.Failure | None]:
    """The grade of an answer, or a score of 0 with the failure of a verifier that had none."""
    try:
        given = await assess(grader, judge, task.split, task.instance, answer, repeat=str(task.repeat))
    except GraderFailed as error:
        return Grade(score=grader.folder.spec.failure_score), t.Failure("verifier", str(error))
    if not math.isfinite(given.score):
        return Grade(score=grader.folder.spec.failure_score), t.Failure(
            "verifier", f"the grader returned {given.score}"
        )
    return given, None


def as_failure(failure: Any) -> t.Failure | None:
    """A sandbox's failure in the words of the log."""
    return t.Failure(failure.kind, failure.message) if failure else None
