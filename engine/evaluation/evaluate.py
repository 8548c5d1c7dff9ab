"""From a harness to graded answers: the only way in which harnesses are run and their answers graded.

`evaluate` is `answer`, then `verify`, then `grade`. Executions, probes, smoke runs, rollouts and the sealed test call
`evaluate`. `sia apply`, pictures and `sia check` need no grades and stop earlier; baselines and files from the user,
which no harness made, start later. Only this module reads what a domain says about its harnesses: limits, folders,
isolation, `learns`, failure score and verifier.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Sequence

import msgspec
from msgspec.structs import replace

from domains.contract import Grade, Instance
from engine.evaluation import harness_packages, majority_vote
from engine.evaluation.domain_tools import OnTool, ToolBroker
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.judge import Judge, assess
from engine.evaluation.model_broker import NoModel, TaskBroker, TaskModel
from engine.evaluation.program_apart import ProgramsApart, verifying
from engine.evaluation.trial import Answer, GradedAnswer, Trial, prepared_on
from engine.events import types as t
from engine.failure import Failure
from engine.grading.client import Grader, GraderFailed
from engine.sandbox import Broker, Isolation, Outcome, Preparation, Program, Sandbox, Start, open_sandbox
from engine.sandbox.inside.context import INSTALLED
from engine.seeds import derive, opaque_id
from harness_repo.harness import Harness, read_folder

OnPrepared = Callable[[Preparation], None]


class Grading(msgspec.Struct, frozen=True):
    """How answers are graded: by the domain in its process, with a judge if the domain has questions for one.

    `isolation`, `workers` and `start` apply to every sandbox of the evaluation, the harness's and the verifier's.
    """

    grader: Grader
    judge: Judge | None
    isolation: Isolation
    workers: int
    start: Start = Sandbox.start


class Evaluation(msgspec.Struct, frozen=True):
    """Everything that answers and grades depend on apart from the trials. No field has a default, so none is forgotten.

    `candidate` has the commit, the adapter and the number of votes; a harness that is only tried has no commit.
    `material` is what `ctx.train()` may return; `model` answers `ctx.model`; `on_tool` is told each use of a tool;
    `seed` is the lineage's.
    """

    grading: Grading
    harness: Harness
    candidate: t.Candidate
    material: Sequence[Instance]
    model: TaskModel | None
    on_tool: OnTool
    seed: int

    @property
    def train(self) -> list[Instance]:
        """What `ctx.train()` returns: nothing if the domain says `learns = false`."""
        return list(self.material) if self.grading.grader.folder.spec.learns else []

    @property
    def prepared(self) -> str:
        """The log's name for the training set and the votes: equal if answers may be reused for each other."""
        return majority_vote.prepared_name(prepared_on(self.train), self.candidate.votes)

    @property
    def broker(self) -> Broker:
        """What answers `ctx.model`."""
        if self.model is None:
            return NoModel()
        one, voted = self.candidate, self.candidate.votes > 1
        temperature = majority_vote.TEMPERATURE if voted else None
        return TaskBroker(self.model, self.seed, one.harness, one.weights, temperature)


def in_order(todo: Sequence[Trial], seed: int) -> list[Trial]:
    """`todo` in the order in which a harness gets it: a random one, by the lineage's `seed`."""
    return sorted(todo, key=lambda trial: opaque_id(seed, trial.instance))


def grades_singly(grading: Grading) -> bool:
    """Whether answers are graded one by one, rather than once all are there."""
    return grading.grader.folder.verifier is None and (
        not grading.grader.folder.spec.noisy or grading.judge is not None
    )


async def evaluate(
    evaluation: Evaluation, todo: Sequence[Trial], on_prepared: OnPrepared | None = None
) -> AsyncGenerator[GradedAnswer, None]:
    """Answers and grades `todo` in the order in which they finish.

    Raises `InfrastructureFailure`, `BudgetExceeded`, and `SiaError` for what only a person can fix.
    """
    async with contextlib.aclosing(grade(evaluation.grading, answer(evaluation, todo, on_prepared))) as graded:
        async for one in graded:
            yield one


async def answer(
    evaluation: Evaluation, todo: Sequence[Trial], on_prepared: OnPrepared | None = None
) -> AsyncGenerator[Answer, None]:
    """The ungraded answers to `todo`, in the order in which they finish; raises as `evaluate` does.

    Each split has sandboxes of its own, in its turn: a solve cannot leave data of `val` where one of `train` logs it.
    `on_prepared` is called for the first split. A harness gets opaque ids, and instances in the order of these, which
    hides the domain's order: ids and order could both reveal a label.
    """
    harness, domain = evaluation.harness, evaluation.grading.grader.folder
    own = harness_packages.place(harness)
    program = Program(
        files=harness.files,
        entry=harness.manifest.entry,
        params=harness.params,
        train=[replace(item, id=opaque_id(evaluation.seed, item.id)) for item in evaluation.train],
        seed=derive(evaluation.seed, "prepare"),
        limits=domain.spec.limits,
        isolation=domain.spec.isolation,
        folders=domain.folders() | ({INSTALLED: str(own)} if own.is_dir() else {}),
        private=[str(domain.path)],
        gateway=evaluation.model is not None,
        command=harness.manifest.command,
        answer=harness.manifest.answer,
        tools=[
            {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
            for tool in await evaluation.grading.grader.tools()
        ],
    )
    for split in dict.fromkeys(trial.split for trial in todo):
        some = [trial for trial in todo if trial.split == split]
        async with contextlib.aclosing(_answer_split(evaluation, program, some, on_prepared)) as answers:
            async for one in answers:
                yield one
        on_prepared = None


async def _answer_split(
    evaluation: Evaluation, program: Program, todo: Sequence[Trial], on_prepared: OnPrepared | None
) -> AsyncGenerator[Answer, None]:
    grading, votes, model = evaluation.grading, evaluation.candidate.votes, evaluation.model
    shown = {trial.instance: opaque_id(evaluation.seed, trial.instance) for trial in todo}
    todo = in_order(todo, evaluation.seed)
    ballots = {
        trial.key: [replace(job, instance_id=shown[trial.instance]) for job in majority_vote.ballots(trial, votes)]
        for trial in todo
    }
    voter = {job.key: trial for trial in todo for job in ballots[trial.key]}
    cast: dict[str, Outcome] = {}
    broker = evaluation.broker
    if program.tools:
        train = evaluation.train
        data = {key: trial.data for key, trial in voter.items()}
        material, commit = (prepared_on(train), train), evaluation.candidate.harness
        broker = ToolBroker(broker, grading.grader, material, data, commit, evaluation.on_tool)
    async with open_sandbox(
        program,
        workers=grading.workers,
        broker=broker,
        isolation=grading.isolation,
        start=grading.start,
        room=(lambda: model.has_room) if model is not None else (lambda: False),
    ) as session:
        if on_prepared:
            on_prepared(session.prepared)
        jobs = (job for trial in todo for job in ballots[trial.key])
        async with contextlib.aclosing(session.solve(jobs)) as outcomes:
            async for outcome in outcomes:
                trial = voter[outcome.key]
                cast[outcome.key] = _name(outcome, shown[trial.instance], trial.instance)
                keys = [job.key for job in ballots[trial.key]]
                if all(key in cast for key in keys):
                    yield _answer(trial, majority_vote.elect([cast.pop(key) for key in keys]))


async def grade(grading: Grading, answers: AsyncGenerator[Answer, None]) -> AsyncGenerator[GradedAnswer, None]:
    """Verifies and grades `answers`; raises as `evaluate` does.

    A failed answer, and one on which the grader fails, gets the domain's failure score. Answers are judged
    concurrently, since a judge takes seconds for each. Where grades are noisy, since answers are timed, the first is
    graded once all are there: no harness is at work beside a timing.
    """
    pending: set[asyncio.Task[GradedAnswer]] = set()
    verified = verify(grading, answers)
    if grading.grader.folder.spec.noisy and grading.judge is None:
        verified = _collected(verified)
    try:
        async with contextlib.aclosing(verified) as arriving:
            async for one in arriving:
                if grading.judge is None:
                    yield await _grade(grading, one)
                    continue
                pending.add(asyncio.create_task(_grade(grading, one)))
                for done in [task for task in pending if task.done()]:
                    pending.remove(done)
                    yield done.result()
        while pending:
            ready, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for done in ready:
                yield done.result()
    finally:
        for waiting in pending:
            waiting.cancel()
        await asyncio.gather(*pending, return_exceptions=True)


async def _collected(answers: AsyncGenerator[Answer, None]) -> AsyncGenerator[Answer, None]:
    async with contextlib.aclosing(answers) as arriving:
        found = [one async for one in arriving]
    for one in found:
        yield one


async def verify(grading: Grading, answers: AsyncGenerator[Answer, None]) -> AsyncGenerator[Answer, None]:
    """Runs the domain's verifier, if it has one, on each answer, in sandboxes in which no harness has run.

    Its result replaces the answer's value. A failed answer passes unchanged; a failure of the verifier becomes the
    answer's failure. Times and logs add up.
    """
    folder = grading.grader.folder
    if folder.verifier is None:
        async with contextlib.aclosing(answers) as arriving:
            async for one in arriving:
                yield one
        return
    async with contextlib.aclosing(answers) as arriving:
        found = {one.trial.key: one async for one in arriving}
    jobs = []
    for one in found.values():
        if one.failure is not None:
            yield one
            continue
        (job,) = majority_vote.ballots(one.trial, 1)
        jobs.append(replace(job, data={"data": job.data, "answer": one.value, "apart": folder.host is not None}))
    if not jobs:
        return
    apart = ProgramsApart(folder, grading.isolation, jobs) if folder.host else None
    program = verifying(folder, read_folder(folder.verifier, without="given"))
    async with (
        contextlib.AsyncExitStack() as stack,
        open_sandbox(
            program,
            workers=grading.workers,
            broker=apart or NoModel(),
            isolation=grading.isolation,
            start=grading.start,
        ) as box,
        contextlib.aclosing(box.solve(jobs)) as outcomes,
    ):
        if apart:
            stack.push_async_callback(apart.close)
        async for outcome in outcomes:
            before = found[outcome.key]
            parts = [before, _answer(before.trial, outcome)]
            if apart and (ran := await apart.end(outcome.key)):
                # a failure of the program counts, whatever the evaluator made of it
                parts.append(_answer(before.trial, ran))
                parts[1] = replace(parts[1], failure=parts[2].failure or parts[1].failure)
            yield replace(
                parts[1],
                cpu_s=sum(one.cpu_s for one in parts),
                wall_s=sum(one.wall_s for one in parts),
                log="".join(one.log for one in parts),
            )


async def _grade(grading: Grading, one: Answer) -> GradedAnswer:
    grader = grading.grader
    failed = Grade(score=grader.folder.spec.failure_score)
    if one.failure is not None:
        return GradedAnswer(one, failed)
    try:
        given = await assess(grader, grading.judge, one.trial, one.value)
    except GraderFailed as error:
        return GradedAnswer(replace(one, failure=Failure("verifier", str(error))), failed)
    return GradedAnswer(one, given)


def _name(outcome: Outcome, shown: str, name: str) -> Outcome:
    """The outcome with the instance's own id in its log and its failure, for their reader."""
    failure = outcome.failure
    if failure is not None:
        failure = replace(failure, message=failure.message.replace(shown, name))
    return replace(outcome, failure=failure, log=outcome.log.replace(shown, name))


def _answer(trial: Trial, outcome: Outcome) -> Answer:
    failure = outcome.failure
    if failure is not None and failure.kind == "infrastructure":
        raise InfrastructureFailure(failure.message)
    return Answer(trial, outcome.answer, failure, outcome.cpu_s, outcome.wall_s, outcome.log)
