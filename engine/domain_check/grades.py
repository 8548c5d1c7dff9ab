"""Findings about grades: does every answer get one, always the same one, and do only good answers get good ones?"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from domains.contract import Grade, Instance
from engine.domain_check.assessor import Assessor, Place
from engine.domain_check.finding import Finding
from engine.evaluation.baselines import graded_baselines
from engine.grading.client import Grader, GraderFailed
from engine.plain import plural

AGAIN = 10
"""How many times one answer is graded."""
ODD: dict[str, Any] = {
    "nothing": None, "an empty text": "", "a text": "nonsense", "zero": 0, "a number": -1.5, "yes": True,
    "an empty list": [], "an empty map": {}, "a list of lists": [[], [0]], "a long text": "x" * 10_000,
    "bytes": b"\xff\x00",
}  # fmt: skip
"""Answers that a harness may give to any task."""
PATIENCE_S = 30.0
SAME_FOR_MANY = 10
EVIDENCE, EVIDENCE_JUDGED = 60, 8


class Scores(msgspec.Struct, frozen=True):
    """Mean scores on the same instances of val. `reference` is None if labels are not answers."""

    seed: float
    reference: float | None
    constants: Mapping[str, float]
    spread: float
    binary: bool
    n: int


async def check_odd_answers(assessor: Assessor, places: Sequence[Place]) -> Finding:
    """Whether answers of any shape get a score; raises `GraderUnusable`."""
    for place in places:
        for name, answer in ODD.items():
            await assessor.score(place, answer, name)
    return Finding("grader", "pass", f"{len(ODD)} answers of odd shapes each get a finite score")


async def check_noise(assessor: Assessor, answers: Mapping[Place, Any]) -> Finding:
    """Whether one answer always gets one score; raises `GraderUnusable`."""
    spreads, began = [], time.monotonic()
    for place, answer in answers.items():
        scores = [await assessor.score(place, answer, "the seed's", repeat=repeat) for repeat in range(AGAIN)]
        spreads.append(statistics.pstdev(scores))
        if time.monotonic() - began > PATIENCE_S:
            break
    noise, declared = max(spreads, default=0.0), assessor.grader.folder.spec.noisy
    if noise > 0 and not declared:
        return Finding(
            "noise",
            "fail",
            f"one answer graded {AGAIN} times gets scores that spread by {noise:.4g}, which domain.toml does not say",
            "set noisy = true, and repeats if one grade says little; or make grade a function of the answer",
        )
    if noise == 0 and declared:
        return Finding(
            "noise",
            "warn",
            f"domain.toml says noisy, but {len(spreads)} answers graded {AGAIN} times each got equal scores",
            "leave noisy out, unless the harness itself varies: it doubles what a run costs",
        )
    measured = f"spread by {noise:.4g}, as domain.toml says" if noise else "are equal"
    return Finding("noise", "pass", f"the scores of one answer graded {AGAIN} times {measured}")


async def compare(
    assessor: Assessor, answers: Mapping[Place, Any], train: Sequence[Instance], *, labelled: bool
) -> Scores:
    """Scores of the seed's answers, of reference answers and of constant answers; raises `GraderUnusable`.

    With a judge, which takes seconds an answer, only a few instances and constants are used.
    """
    most = EVIDENCE if assessor.judge is None else EVIDENCE_JUDGED
    val = [item for item in await assessor.grader.instances("val") if ("val", item.id) in answers][:most]
    places: list[Place] = [("val", item.id) for item in val]
    seed = [await assessor.score(place, answers[place], "the seed's") for place in places]
    every = list(seed)
    constants = {}
    for name, answer in _constants(train, answers, few=assessor.judge is not None).items():
        scores = [await assessor.score(place, answer, name) for place in places]
        constants[name] = statistics.fmean(scores)
        every += scores
    copies = [await assessor.score(("val", item.id), item.data, "a copy of the data") for item in val]
    constants["a copy of the data"] = statistics.fmean(copies)
    reference = None
    if labelled and assessor.judge is None:
        right = [await assessor.reference(place) for place in places]
        reference = statistics.fmean(right) or None  # labels that are not answers score 0
        every += right
    return Scores(
        seed=statistics.fmean(seed),
        reference=reference,
        constants=constants,
        spread=statistics.pstdev(seed),
        binary=set(every) <= {0.0, 1.0},
        n=len(val),
    )


def check_constants(scores: Scores, baselines: Mapping[str, float], minimum_effect: float) -> Finding:
    """Whether a constant answer scores low enough."""
    name, score = max(scores.constants.items(), key=lambda one: one[1])
    known = max([scores.seed, *baselines.values(), *([scores.reference] if scores.reference is not None else [])])
    remedy = "make grade tell right answers from this one, or balance the instances"
    measured = f"{score:.4f} on {plural(scores.n, 'instance')} of val, and the best answers known {known:.4f}"
    if (scores.reference is not None and score >= scores.reference) or score >= known + minimum_effect:
        return Finding("constant answers", "fail", f"a constant answer wins: {name} scores {measured}", remedy)
    if score >= known:
        return Finding(
            "constant answers",
            "warn",
            f"nothing known beats a constant answer: {name} scores {measured}",
            "make sure that better answers get more; a reference answer as `label` would show it",
        )
    if scores.reference is not None and score > 0.9 * scores.reference:
        return Finding(
            "constant answers", "warn", f"a constant answer leaves little to gain: {name} scores {measured}", remedy
        )
    return Finding("constant answers", "pass", f"the best answer without work, {name}, scores {measured}")


async def check_baselines(assessor: Assessor) -> AsyncIterator[Finding | dict[str, float]]:
    """The finding about the baselines, then their means on val."""
    try:
        found = await graded_baselines(assessor.grading, "val")
    except GraderFailed as error:
        yield Finding(
            "baselines", "fail", f"the baselines cannot be measured: {error}", "return one answer for each of `on`"
        )
        yield {}
        return
    means = {name: statistics.fmean(grade.score for grade in grades) for name, grades in found.items()}
    if means:
        scores = ", ".join(f"{name} {score:.4f}" for name, score in means.items())
        yield Finding("baselines", "pass", f"on val: {scores}")
    else:
        yield Finding(
            "baselines",
            "warn",
            "there is no baseline",
            "add the best method that you have: a result needs something to compare with",
        )
    yield means


async def check_summary(grader: Grader, answers: Mapping[Place, Any]) -> Finding:
    """Whether the domain can summarise a split."""
    ids = [item.id for item in await grader.instances("val")]
    rows = [(name, answers.get(("val", name)), Grade(score=0.0)) for name in ids]
    remedy = "return a Summary whose subsets name ids of the split"
    try:
        summary = await grader.summarise("val", rows)
    except (GraderFailed, msgspec.ValidationError) as error:
        return Finding("summary", "fail", f"summarise fails, and `sia test` would: {error}", remedy)
    unknown = {name for subset in summary.subsets.values() for name in subset} - set(ids)
    if unknown:
        return Finding("summary", "fail", f"a subset names an instance that is not there: {min(unknown)}", remedy)
    return Finding("summary", "pass", f"reported beside the mean: {plural(len(summary.subsets), 'subset')}")


def _constants(train: Sequence[Instance], answers: Mapping[Place, Any], *, few: bool) -> dict[str, Any]:
    """Answers that ignore the instance: odd ones, the most frequent labels, and the seed's answer to another one."""
    found = {name: ODD[name] for name in ("nothing", "an empty text", "zero", "an empty list", "an empty map")}
    labels = {msgspec.msgpack.encode(item.label): item.label for item in train if item.label is not None}
    frequent = Counter(msgspec.msgpack.encode(item.label) for item in train if item.label is not None)
    for key, _ in frequent.most_common(1 if few else SAME_FOR_MANY):
        found[f"always {str(labels[key])[:40]!r}"] = labels[key]
    if (other := next((answers[place] for place in sorted(answers)), None)) is not None:
        found["the seed's answer to another instance"] = other
    return found
