"""Findings about the seed harness, which runs on a few instances in the sandbox, as in a run."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec.structs import replace

from domains.contract import Instance, Split
from engine.domain_check.finding import Finding
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import Evaluation, answer
from engine.evaluation.trial import Trial, trials
from engine.events import types as t
from engine.plain import plural
from engine.seeds import sample
from harness_repo.harness import Harness, HarnessInvalid, read_folder

SAMPLED = {"train": 8, "val": 24}
"""The number of instances of each split that it answers, each twice under one seed."""


class SeedAnswers(msgspec.Struct, frozen=True):
    """By (split, id), the answers and failures; `unstable` has the ids whose two answers differ."""

    answers: dict[tuple[Split, str], Any]
    failures: dict[tuple[Split, str], t.Failure]
    unstable: list[str]


def read(folder: Path) -> Harness | Finding:
    """The seed harness in `folder`, or a finding if it is not valid."""
    try:
        return read_folder(folder)
    except HarnessInvalid as error:
        return Finding("harness", "fail", f"the seed harness is not valid: {error}", "correct it")


async def try_out(evaluation: Evaluation) -> SeedAnswers | Finding:
    """Runs the harness on a sample of train and val; a finding if the sandbox or the model fails."""
    grader = evaluation.grading.grader
    splits: dict[Split, list[Instance]] = {split: await grader.instances(split) for split in ("train", "val")}
    todo: list[Trial] = []
    for split, items in splits.items():
        most = SAMPLED[split] if split == "val" else min(SAMPLED[split], len(items) // 2)
        chosen = set(sample((item.id for item in items), most, 1, "check"))
        first = trials(split, [item for item in items if item.id in chosen], range(1), evaluation.seed)
        again = [replace(one, key=f"{split}/{one.instance}/1", repeat=1) for one in first]  # under the same seed
        todo += [*first, *again]
    asked = {one.instance for one in todo if one.split == "train"}
    evaluation = replace(evaluation, material=[item for item in splits["train"] if item.id not in asked])
    found = SeedAnswers({}, {}, [])
    try:
        async with contextlib.aclosing(answer(evaluation, todo)) as answers:
            async for one in answers:
                place = (cast("Split", one.trial.split), one.trial.instance)
                if one.failure:
                    found.failures[place] = one.failure
                elif found.answers.setdefault(place, one.value) != one.value:
                    found.unstable.append(place[1])
    except InfrastructureFailure as error:
        return Finding("harness", "fail", f"the seed harness could not be run ({error})", "see `sia doctor`")
    return found


def check_seed(tried: SeedAnswers) -> Iterator[Finding]:
    """The findings about these answers."""
    total = len(tried.answers.keys() | tried.failures.keys())
    if tried.failures:
        kinds = Counter((failure.kind, failure.message) for failure in tried.failures.values())
        ((kind, message), _) = kinds.most_common(1)[0]
        yield Finding(
            "harness",
            "fail" if 2 * len(tried.failures) > total else "warn",
            f"the seed harness fails on {len(tried.failures)} of {plural(total, 'instance')} ({kind}: {message})",
            "pass --model MODEL, or begin with a harness that needs none"
            if kind == "model"
            else "correct harness/: a first candidate should answer, even if badly",
        )
    else:
        yield Finding("harness", "pass", f"the seed harness answers {total} of {plural(total, 'instance')}")
    if tried.unstable:
        yield Finding(
            "harness",
            "warn",
            f"the seed harness answers differently under one seed ({', '.join(sorted(tried.unstable)[:3])})",
            "take randomness from ctx.rng and depend on no clock; else set noisy = true in domain.toml",
        )
