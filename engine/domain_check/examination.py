"""Checks a domain before money is spent on it, in the same processes as a run.

Nothing is written, and no language model is called unless one is named. Only the grading process reads `test`; it
gives out ids and counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from engine.domain_check import determinism, evaluator, grades, instances, power_check, seed, shortcuts
from engine.domain_check.assessor import Assessor, GraderUnusable, Place, SilentJudge, check_network
from engine.domain_check.finding import Finding
from engine.errors import SiaError
from engine.evaluation.domain_tools import unrecorded
from engine.evaluation.evaluate import Evaluation, Grading
from engine.evaluation.judge import ModelJudge
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.grading.fetch import NothingToFetch, fetch
from engine.grading.labels.facts import Facts
from engine.grading.loader import find
from engine.models.calling import Caller
from engine.run.domain_session import Report
from engine.sandbox import Isolation
from harness_repo.harness import Harness

SEED = 1
OPEN_S = 120.0
"""Shorter than in a run: a user waits for the result."""

_NO_JUDGE = Finding(
    "judge",
    "warn",
    "a language model takes part in grading, and none is named: its judgement was not checked",
    "pass --judge MODEL",
)


async def examine(
    reference: str,
    data: Path | None,
    *,
    isolation: Isolation,
    workers: int,
    model: Caller | None = None,
    judge: Caller | None = None,
    report: Report = lambda _: None,
) -> AsyncIterator[Finding]:
    """The findings about a domain, check by check; stops after a failure that the remaining checks depend on.

    `model` answers the seed harness's `ctx.model`; `judge` answers the domain's questions, if it has any.
    """
    try:
        folder = find(reference)
    except SiaError as error:
        yield Finding("folder", "fail", error.message, error.remedy)
        return
    harness = seed.read(folder.seed(model.model.weights if model else ""))
    grader = Grader(folder, data, isolation)
    assessor = Assessor(Grading(grader, ModelJudge(judge, SEED) if judge else None, isolation, workers))
    try:
        async for finding in _examine(assessor, harness, model, report):
            yield finding
    except GraderUnusable as unusable:
        yield unusable.finding
    except GraderFailed as error:
        yield Finding("contract", "fail", f"the domain fails: {error}", folder.remedy(data))
    finally:
        await grader.close()


async def _examine(
    assessor: Assessor, harness: Harness | Finding, model: Caller | None, report: Report
) -> AsyncIterator[Finding]:
    grader = assessor.grader
    opened = await _open(assessor, report)
    if isinstance(opened, Finding):
        yield opened
        return
    counts = opened
    yield Finding("contract", "pass", f"{grader.folder.spec.name} opens, twice with the same digest")
    facts = await grader.examine({} if isinstance(harness, Finding) else harness.files)
    folder = grader.folder
    for finding in (
        *instances.check_counts(counts, facts, None if folder.adopted else folder.spec),
        # every instance of an adopted task is the same program
        *(() if folder.adopted else instances.check_splits(facts)),
        *instances.check_labels(facts),
    ):
        yield finding
    if not counts["train"] or not counts["val"]:
        return
    if isinstance(harness, Finding):
        yield harness
        seed_answers = seed.SeedAnswers({}, {}, [])
    else:
        evaluation = Evaluation(assessor.grading, harness, t.Candidate(""), [], model, unrecorded, SEED)
        found = await seed.try_out(evaluation)
        seed_answers = seed.SeedAnswers({}, {}, []) if isinstance(found, Finding) else found
        for finding in [found] if isinstance(found, Finding) else seed.check_seed(found):
            yield finding
    if folder.verifier is None:
        findings = _check_grades(assessor, seed_answers, facts, counts, report)
    elif isinstance(harness, Finding):
        return
    elif folder.spec.judged and assessor.judge is None:
        yield _NO_JUDGE
        return
    else:
        findings = evaluator.check_evaluator(evaluation)
    async for finding in findings:
        yield finding


async def _open(assessor: Assessor, report: Report) -> dict[str, int] | Finding:
    """The instances per split. The process is started twice, to find what changes from start to start."""
    grader = assessor.grader
    digests: list[str] = []
    for _ in range(2):
        try:
            digest, counts, _ = await asyncio.wait_for(grader.describe(), OPEN_S)
        except TimeoutError:
            sentence = f"the domain does not open within {OPEN_S:g} s"
            return Finding("contract", "fail", sentence, "limit what load, digest and instances do")
        except SiaError as error:
            if digests:
                raise
            await grader.close()
            try:
                await fetch(grader.folder, grader.data, report)
                digest, counts, _ = await grader.describe()
            except NothingToFetch:
                return Finding("contract", "fail", error.message, error.remedy or "correct it")
            except SiaError as refused:
                return Finding("contract", "fail", refused.message, refused.remedy or "put the data there")
            except GraderFailed:
                return Finding("contract", "fail", error.message, error.remedy or "put the data there")
        except GraderFailed as error:
            if attempts := await assessor.network_attempts():
                return check_network(attempts)
            remedy = grader.folder.remedy(grader.data)
            return Finding("contract", "fail", f"the domain cannot be opened: {error}", remedy)
        digests.append(digest)
        await grader.close()
    if digests[0] != digests[1]:
        return Finding(
            "contract",
            "fail",
            "the digest differs each time the domain is opened, so no run could be resumed",
            "make digest() depend on the data alone",
        )
    return counts


async def _check_grades(
    assessor: Assessor, seed_answers: seed.SeedAnswers, facts: Facts, counts: Mapping[str, int], report: Report
) -> AsyncIterator[Finding]:
    grader, spec = assessor.grader, assessor.grader.folder.spec
    train = await grader.instances("train")
    first: list[Place] = [("train", train[0].id), ("val", (await grader.instances("val"))[0].id)]
    # whether the grader takes any answer can be checked without a judge
    yield await grades.check_odd_answers(
        Assessor(replace(assessor.grading, judge=SilentJudge())) if spec.judged else assessor, first
    )
    if attempts := await assessor.network_attempts():
        yield check_network(attempts)
        return
    yield await grades.check_summary(grader, seed_answers.answers)
    if spec.judged and assessor.judge is None:
        yield _NO_JUDGE
        yield await instances.check_near_duplicates(grader, report)
        yield check_network(await assessor.network_attempts())
        return
    yield await grades.check_noise(assessor, dict(sorted(seed_answers.answers.items())[: 4 if spec.judged else 12]))
    yield await determinism.check_determinism(assessor, seed_answers.answers)
    means: dict[str, float] = {}
    async for found in grades.check_baselines(assessor):
        if isinstance(found, Finding):
            yield found
        else:
            means = found
    if any(split == "val" for split, _ in seed_answers.answers):
        scores = await grades.compare(assessor, seed_answers.answers, train, labelled="val" in facts.labelled)
        yield grades.check_constants(scores, means, spec.minimum_effect)
        yield power_check.check_power(scores, means, await grader.instances("val"), spec)
    if not facts.one_data:
        yield await instances.check_near_duplicates(grader, report)
    async for finding in shortcuts.check_shortcuts(assessor, report):
        yield finding
    yield check_network(await assessor.network_attempts())
