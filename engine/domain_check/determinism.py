"""The finding about determinism: does another process give the same instances, and the same grades?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from domains.contract import Grade
from engine.domain_check.assessor import Assessor, Place
from engine.domain_check.finding import Finding
from engine.grading.client import Grader, GraderFailed

PATIENCE_S = 20.0
HASH_SEED = 1
"""Not the seed of runs, so that an order that depends on Python's hashes differs."""


async def check_determinism(assessor: Assessor, answers: Mapping[Place, Any]) -> Finding:
    """Compares this grading process with a fresh one, which orders sets in another way and grades in reverse order."""
    here = assessor.grader
    there = Grader(here.folder, here.data, assessor.grading.isolation, hash_seed=HASH_SEED)
    try:
        mine, other = await here.fingerprints(), await there.fingerprints()
        if differing := [split for split in mine if mine[split] != other[split]]:
            return Finding(
                "determinism",
                "fail",
                f"the instances of {', '.join(differing)} differ, or come in another order, in a second process",
                "sort what comes from a set or a folder, and use a constant seed",
            )
        if here.folder.spec.noisy or here.folder.spec.judged:
            return Finding(
                "determinism",
                "pass",
                "two processes give the same instances; grades may vary: the domain is noisy or judged",
            )
        grades, until = dict[Place, Grade](), time.monotonic() + PATIENCE_S
        for place, answer in answers.items():
            grades[place] = await here.grade(*place, answer)
            if time.monotonic() > until:
                break
        for place in reversed(grades):
            again = await there.grade(*place, answers[place])
            if _what_counts(again) != _what_counts(grades[place]):
                return Finding(
                    "determinism",
                    "fail",
                    f"a second process gives another grade to the answer to {'/'.join(place)} "
                    f"({grades[place].score:.4g}, then {again.score:.4g})",
                    "make grade depend on instance and answer alone, not on a set's order, a clock or earlier answers",
                )
    except GraderFailed as error:
        return Finding("determinism", "fail", f"a second process fails: {error}", "correct domain.py")
    finally:
        await there.close()
    return Finding("determinism", "pass", f"two processes give the same instances, and {len(grades)} answers one grade")


def _what_counts(grade: Grade) -> tuple[float | str | None, ...]:
    """Measures may be times."""
    return (grade.score, grade.honest, grade.floor, grade.refused)
