"""Findings about a domain with a verifier, which grades the seed a few times."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator

from msgspec.structs import replace

from engine.domain_check.finding import Finding
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import Evaluation
from engine.evaluation.verifier_noise import grade_first

TIMES = 3


async def check_evaluator(evaluation: Evaluation) -> AsyncIterator[Finding]:
    """The verifier's score of the seed harness's answer, and whether it is the same each time."""
    grader = evaluation.grading.grader
    folder, scores = grader.folder, list[float]()
    # the seed with which a run measures noise, so that both get the same scores
    evaluation = replace(evaluation, material=(await grader.instances("train"))[1:], seed=0)
    for repeat in range(TIMES):
        try:
            answer, grade = await grade_first(evaluation, repeat)
        except InfrastructureFailure as error:
            yield Finding("grader", "fail", f"the verifier could not be run ({error})", "see `sia doctor`")
            return
        if answer.failure is not None:
            why = f"the verifier fails on the seed ({answer.failure.kind}: {answer.failure.message})"
            yield Finding("grader", "fail", why, "let it judge the program that the task begins with")
            return
        scores.append(grade.score)
    yield Finding("grader", "pass", f"the verifier, in a sandbox of its own, gives the seed {scores[0]:.4f}")
    noise = statistics.pstdev(scores)
    spread = f"spread by {noise:.4g}" if noise else "are equal"
    if noise and not (folder.spec.noisy or folder.adopted):
        sentence = f"scores of the seed, judged {TIMES} times, {spread}, which domain.toml does not say"
        yield Finding("noise", "fail", sentence, "set noisy = true, and repeats if one grade says little")
    else:
        yield Finding("noise", "pass", f"scores of the seed, judged {TIMES} times, {spread}")
