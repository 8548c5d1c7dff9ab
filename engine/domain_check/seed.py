"""Findings about the seed harness: it is put to a few instances, in the sandbox, as in a run."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from domains.contract import Instance, Split
from engine.domain_check.finding import Finding
from engine.evaluation.evaluate import solve_all
from engine.grading.client import Grader
from engine.sandbox import Broker, Failure, Isolation, Job
from engine.seeds import derive, sample
from harness_repo.harness import Harness, HarnessInvalid, read_folder

FROM = {"train": 8, "val": 24}
"""How many instances of a split it answers, each twice under one seed."""


class Tried(msgspec.Struct, frozen=True):
    """What it came to, by (split, id): the answers, the failures, and whose second answer was another one."""

    answers: dict[tuple[Split, str], Any]
    failures: dict[tuple[Split, str], Failure]
    wavering: list[str]


def read(folder: Path) -> Harness | Finding:
    """The seed harness in `folder`, or why it is none."""
    try:
        return read_folder(folder)
    except HarnessInvalid as error:
        return Finding("harness", "fail", f"the seed harness is not valid: {error}", "correct it")


async def try_out(
    grader: Grader, harness: Harness, *, isolation: Isolation, workers: int, broker: Broker
) -> Tried | Finding:
    """Puts the harness to a sample of train and val; a finding where the sandbox could not do its work."""
    spec = grader.folder.spec
    train, val = await grader.instances("train"), await grader.instances("val")
    asked: dict[tuple[Split, str], Instance] = {}
    splits: dict[Split, list[Instance]] = {"train": train, "val": val}
    for split, items in splits.items():
        most = FROM[split] if split == "val" else min(FROM[split], len(items) // 2)
        chosen = set(sample((item.id for item in items), most, 1, "check"))
        asked |= {(split, item.id): item for item in items if item.id in chosen}
    learn = [item for item in train if spec.learns and ("train", item.id) not in asked]
    keys = {f"{split}/{name}/{again}": (split, name) for split, name in asked for again in (0, 1)}
    jobs = [
        Job(key, name, asked[split, name].data, derive(1, "instance", name, 0)) for key, (split, name) in keys.items()
    ]
    solving = solve_all(
        harness,
        jobs,
        train=learn,
        seed=1,
        workers=workers,
        limits=spec.limits,
        per=spec.isolation,
        isolation=isolation,
        broker=broker,
        folders=grader.folder.folders(),
    )
    found = Tried({}, {}, [])
    async with contextlib.aclosing(solving) as outcomes:
        async for outcome in outcomes:
            place = keys[outcome.key]
            if outcome.failure and outcome.failure.kind == "infrastructure":
                why = f"the sandbox could not run the seed harness ({outcome.failure.message})"
                return Finding("harness", "fail", why, "see `sia doctor`")
            if outcome.failure:
                found.failures[place] = outcome.failure
            elif found.answers.setdefault(place, outcome.answer) != outcome.answer:
                found.wavering.append(place[1])
    return found


def judged(tried: Tried) -> Iterator[Finding]:
    """What to say of it."""
    total = len(tried.answers.keys() | tried.failures.keys())
    if tried.failures:
        kinds = Counter((failure.kind, failure.message) for failure in tried.failures.values())
        ((kind, message), _) = kinds.most_common(1)[0]
        yield Finding(
            "harness",
            "fail" if 2 * len(tried.failures) > total else "warn",
            f"the seed harness fails on {len(tried.failures)} of {total} instances ({kind}: {message})",
            "pass --model MODEL, or begin with a harness that needs none"
            if kind == "model"
            else "correct harness/: a first candidate should answer, however badly",
        )
    else:
        yield Finding("harness", "pass", f"the seed harness answers {total} of {total} instances")
    if tried.wavering:
        yield Finding(
            "harness",
            "warn",
            f"the seed harness answers differently under one seed ({', '.join(sorted(tried.wavering)[:3])})",
            "take randomness from ctx.rng and let no clock decide; else set noisy = true in domain.toml",
        )
