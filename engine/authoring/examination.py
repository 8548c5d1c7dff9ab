"""A domain examined before money is spent on it, in the same processes as in a run.

Nothing is written, no language model is asked unless one is named, and `test` is looked at only where its labels are:
in the grading process, which tells ids and counts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from domains.contract import Spec
from engine.authoring import instances, seed, verdicts
from engine.authoring.finding import Finding
from engine.errors import SiaError
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.grading.facts import Facts
from engine.grading.loader import find
from engine.loop.opening import Report
from engine.loop.power import BREAKS, POWER, smallest_binary_gain, smallest_gain
from engine.sandbox import Broker, Isolation
from harness_repo.harness import Harness

GENERATIONS = 8
"""Of the run that the gate is thought to be in: the default."""


async def examine(
    reference: str,
    data: Path | None,
    *,
    isolation: Isolation,
    workers: int,
    broker: Broker,
    with_model: bool = False,
    report: Report = lambda _: None,
) -> AsyncIterator[Finding]:
    """What there is to say of a domain, check by check; ends at the first that the others rest on."""
    try:
        folder = find(reference)
    except SiaError as error:
        yield Finding("folder", "fail", error.message, error.remedy)
        return
    harness = seed.read(folder.seed("a model" if with_model else ""))
    grader = Grader(folder, data)
    try:
        async for finding in _examined(grader, harness, isolation, workers, broker, report):
            yield finding
    except verdicts.Unfit as unfit:
        yield unfit.finding
    except GraderFailed as error:
        yield Finding("contract", "fail", f"the domain fails: {error}", "correct its domain.py")
    finally:
        await grader.close()


async def _examined(
    grader: Grader, harness: Harness | Finding, isolation: Isolation, workers: int, broker: Broker, report: Report
) -> AsyncIterator[Finding]:
    opened = await _open(grader, report)
    if isinstance(opened, Finding):
        yield opened
        return
    counts = opened
    yield Finding("contract", "pass", f"{grader.folder.spec.name} opens, twice with the same digest")
    facts = await grader.examine({} if isinstance(harness, Finding) else harness.files)
    for finding in (
        *instances.present(counts, facts, grader.folder.spec),
        *instances.apart(facts),
        *instances.hidden(facts),
    ):
        yield finding
    if not counts["train"] or not counts["val"]:
        return
    tried = (
        harness
        if isinstance(harness, Finding)
        else await seed.try_out(grader, harness, isolation=isolation, workers=workers, broker=broker)
    )
    if isinstance(tried, Finding):
        yield tried
        tried = seed.Tried({}, {}, [])
    else:
        for finding in seed.judged(tried):
            yield finding
    async for finding in _graded(grader, tried, facts, counts):
        yield finding


async def _open(grader: Grader, report: Report) -> dict[str, int] | Finding:
    """The counts of the splits; the process is started twice, so that what depends on the start shows."""
    digests: list[str] = []
    for _ in range(2):
        try:
            digest, counts, _ = await grader.describe()
        except SiaError as error:
            if digests:
                raise
            try:
                report(f"fetching the data of {grader.folder.spec.name}")
                await grader.fetch(report)
                digest, counts, _ = await grader.describe()
            except (SiaError, GraderFailed):
                return Finding("contract", "fail", error.message, error.remedy or "put the data there")
        except GraderFailed as error:
            asked = await _asked(grader)
            if asked:
                return verdicts.network(asked)
            return Finding("contract", "fail", f"the domain cannot be opened: {error}", "correct its domain.py")
        digests.append(digest)
        await grader.close()
    if digests[0] != digests[1]:
        return Finding(
            "contract",
            "fail",
            "the digest is another one each time the domain is opened, so no run could be resumed",
            "let digest() depend on the data alone",
        )
    return counts


async def _asked(grader: Grader) -> list[str]:
    try:
        return await grader.asked()
    except GraderFailed:
        return []


async def _graded(grader: Grader, tried: seed.Tried, facts: Facts, counts: Mapping[str, int]) -> AsyncIterator[Finding]:
    spec = grader.folder.spec
    train = await grader.instances("train")
    first: list[verdicts.Place] = [("train", train[0].id), ("val", (await grader.instances("val"))[0].id)]
    yield await verdicts.judges_anything(grader, first)
    if asked := await _asked(grader):
        yield verdicts.network(asked)
        return
    yield await verdicts.varies(grader, dict(sorted(tried.answers.items())[:12]))
    means: dict[str, float] = {}
    async for found in verdicts.baselines(grader):
        if isinstance(found, Finding):
            yield found
        else:
            means = found
    yield await verdicts.summary(grader, tried.answers)
    if any(split == "val" for split, _ in tried.answers):
        scores = await verdicts.compare(grader, tried.answers, train, labelled="val" in facts.labelled)
        yield verdicts.cheap(scores, means, spec.minimum_effect)
        yield seen(scores, means, counts["val"] * spec.repeats, spec)
    if asked := await _asked(grader):
        yield verdicts.network(asked)
    else:
        yield Finding("network", "pass", "the grader asks nothing of the network")


def seen(scores: verdicts.Scores, baselines: Mapping[str, float], n: int, spec: Spec) -> Finding:
    """How large an improvement the gate can see with `n` units of val."""
    rules = t.Gate(minimum_effect=spec.minimum_effect)
    if n == 1 and not spec.noisy:
        return Finding("power", "pass", f"val is one score: the gate accepts any gain above {spec.minimum_effect:g}")
    of = f"with {n} units of val, {GENERATIONS} generations see"
    more = "put more instances into val, or raise repeats where scores are noisy"
    if not scores.binary:
        gain = smallest_gain(n, scores.spread, rules, GENERATIONS)
        spread = f"if differences spread as scores do ({scores.spread:.2g})"
        sentence = f"{of} a gain of {gain:.2g} with {POWER:.0%} power, {spread}"
    else:
        least = smallest_binary_gain(n, rules, GENERATIONS)
        if least is None:
            return Finding("power", "fail", f"with {n} units of val the gate can accept nothing", more)
        gain = least
        sentence = f"{of} a gain of {gain:.2g} with {POWER:.0%} power, even if {BREAKS:.0%} of the answers break"
    best = max([1.0 if scores.binary else scores.seed, scores.reference or scores.seed, *baselines.values()])
    if gain > max(best - scores.seed, 0.0) / 2:
        return Finding(
            "power", "warn", f"{sentence}; between the seed and the best known lie {best - scores.seed:.2g}", more
        )
    return Finding("power", "pass", sentence)
