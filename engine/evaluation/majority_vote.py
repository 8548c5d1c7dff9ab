"""Majority vote at test time: each trial is answered several times, and the most frequent answer counts.

No verifier chooses, since labels are unknown at test time. Of equally frequent answers the earliest wins.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from engine.evaluation.trial import Trial
from engine.sandbox import Job, Outcome
from engine.seeds import derive

TEMPERATURE = 1.0
"""The temperature for votes: at a harness's own temperature most votes would be equal."""


def ballots(trial: Trial, votes: int) -> list[Job]:
    """The jobs of one trial, one a vote, in order. Their keys and seeds must not change: old logs depend on them."""
    if votes == 1:
        return [Job(trial.key, trial.instance, trial.data, trial.seed)]
    place, first = f"{trial.split}/{trial.instance}", trial.repeat * votes
    return [
        Job(f"{place}/{first + vote}", trial.instance, trial.data, derive(trial.seed, "vote", vote))
        for vote in range(votes)
    ]


def elect(cast: Sequence[Outcome]) -> Outcome:
    """The outcome of a trial from those of its votes, in order; times add up.

    Failed votes do not count unless all have failed; then the first failure is the trial's. An infrastructure failure
    of any vote is the trial's failure, since the lost vote could have changed the winner.
    """
    spent = {"cpu_s": sum(one.cpu_s for one in cast), "wall_s": sum(one.wall_s for one in cast), "log": cast[0].log}
    lost = [one for one in cast if one.failure is not None and one.failure.kind == "infrastructure"]
    valid = [one for one in cast if one.failure is None]
    if lost or not valid:
        return replace((lost or cast)[0], answer=None, **spent)
    return replace(valid[0], answer=_most_frequent([one.answer for one in valid]), **spent)


def _most_frequent(answers: Sequence[Any]) -> Any:
    if len(answers) == 1:
        return answers[0]
    names = [msgspec.json.encode(answer, order="deterministic") for answer in answers]
    counts = Counter(names)
    return answers[names.index(max(counts, key=lambda name: (counts[name], -names.index(name))))]


def prepared_name(name: str, votes: int) -> str:
    """The log's `prepared` for a result of `votes` votes, so that it is not reused for another number of votes."""
    return name if votes == 1 else f"{name}x{votes}"
