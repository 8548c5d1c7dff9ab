"""Findings about a domain whose answers are programs, run by a verifier of its own: it judges the seed a few times."""

from __future__ import annotations

import statistics
from collections.abc import AsyncIterator

from engine.domain_check.finding import Finding
from engine.evaluation.verifier_noise import grade_first
from engine.grading.loader import Folder
from engine.sandbox import Isolation

TIMES = 3


async def judged(folder: Folder, isolation: Isolation) -> AsyncIterator[Finding]:
    """What the verifier says of the first program, and whether it says so each time."""
    scores: list[float] = []
    for repeat in range(TIMES):
        answered = await grade_first(folder, isolation, repeat)
        if answered.failure is not None:
            why = f"the verifier fails on the seed ({answered.failure.kind}: {answered.failure.message})"
            yield Finding("grader", "fail", why, "let it judge the program that the task begins with")
            return
        scores.append(answered.grade.score)
    yield Finding("grader", "pass", f"the verifier, in a sandbox of its own, gives the seed {scores[0]:.4f}")
    noise = statistics.pstdev(scores)
    told = f"spread by {noise:.4g}" if noise else "are equal"
    if noise and not (folder.spec.noisy or folder.adopted):
        sentence = f"scores of the seed, judged {TIMES} times, {told}, which domain.toml does not say"
        yield Finding("noise", "fail", sentence, "set noisy = true, and repeats if one grade says little")
    else:
        yield Finding("noise", "pass", f"scores of the seed, judged {TIMES} times, {told}")
