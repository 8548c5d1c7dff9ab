"""Best-of-n at test time: each instance is answered several times, and the answer given most often is its answer.

No verifier chooses: nothing of a label is known at test time. Equal votes go to the answer that was given first.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

import msgspec

from domains.contract import Grade, Instance
from engine.core.failure import StepFailure
from engine.evaluation.evaluate import Answered, OnPrepared, Task, answer_all, as_failure, grade, solve_all
from engine.evaluation.judge import judge_for
from engine.evaluation.model_broker import broker_for
from engine.events import types as t
from engine.run.session import Run
from engine.sandbox import Job, Outcome
from engine.seeds import derive
from harness_repo.harness import Harness

TEMPERATURE = 1.0
"""At which votes are sampled; a harness's own temperature would mostly give one answer many times."""


async def answered(
    run: Run,
    harness: Harness,
    todo: Sequence[Task],
    *,
    train: Sequence[Instance],
    candidate: t.Candidate,
    on_prepared: OnPrepared | None = None,
) -> AsyncIterator[Answered]:
    """As `answer_all`, with as many votes for each task as `candidate` has."""
    ports, seed, limits = run.ports, run.state.root_seed, run.ports.grader.folder.spec.limits
    if candidate.votes == 1:
        broker = broker_for(run.callers.task, run.state.root_seed, candidate.harness, candidate.weights)
        rows = answer_all(
            ports,
            harness,
            todo,
            train=train,
            seed=seed,
            workers=ports.workers,
            limits=limits,
            broker=broker,
            judge=judge_for(run.callers.judge, run.state.root_seed, candidate.harness),
            on_prepared=on_prepared,
        )
        async for row in rows:
            yield row
        return
    wanted: dict[str, Task] = {}
    votes: dict[tuple[str, int], list[Outcome]] = {}
    jobs: list[Job] = []
    for task in todo:
        for vote in range(candidate.votes):
            key = f"{task.split}/{task.instance}/{task.repeat * candidate.votes + vote}"
            wanted[key] = task
            jobs.append(Job(key, task.instance, task.data, derive(task.seed, "vote", vote)))
    solving = solve_all(
        harness,
        jobs,
        train=train,
        seed=seed,
        workers=ports.workers,
        limits=limits,
        per=ports.grader.folder.spec.isolation,
        isolation=ports.isolation,
        broker=broker_for(
            run.callers.task, run.state.root_seed, candidate.harness, candidate.weights, temperature=TEMPERATURE
        ),
        on_prepared=on_prepared,
    )
    async with contextlib.aclosing(solving) as outcomes:
        async for outcome in outcomes:
            task = wanted[outcome.key]
            cast = votes.setdefault((task.instance, task.repeat), [])
            cast.append(outcome)
            if len(cast) == candidate.votes:
                yield await _elected(
                    run, candidate.harness, task, sorted(cast, key=lambda one: int(one.key.rsplit("/", 1)[1]))
                )


async def _elected(run: Run, harness: str, task: Task, cast: Sequence[Outcome]) -> Answered:
    answer, failure = elect(cast)
    if failure and failure.kind == "infrastructure":
        raise StepFailure(failure)
    given = Grade(score=0.0)
    if failure is None:
        given, failure = await grade(
            run.ports.grader, judge_for(run.callers.judge, run.state.root_seed, harness), task, answer
        )
    cpu_s, wall_s = sum(one.cpu_s for one in cast), sum(one.wall_s for one in cast)
    return Answered(task, answer, given, failure, cpu_s, wall_s, cast[0].log)


def elect(cast: Sequence[Outcome]) -> tuple[Any, t.Failure | None]:
    """The answer that most of `cast` have, the earliest of equals; the first failure where all have failed."""
    valid = [one for one in cast if one.failure is None]
    if not valid:
        return None, as_failure(cast[0].failure)
    named = [msgspec.json.encode(one.answer, order="deterministic") for one in valid]
    counts = Counter(named)
    return valid[named.index(max(counts, key=lambda name: (counts[name], -named.index(name))))].answer, None


def prepared(name: str, candidate: t.Candidate) -> str:
    """What a voted result was prepared on: one that was voted upon stands for no other."""
    return name if candidate.votes == 1 else f"{name}x{candidate.votes}"
