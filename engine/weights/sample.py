"""What is learnt from: an execution of the harness on a train instance, as the calls it made and the reward it got."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Call(msgspec.Struct, frozen=True):
    """One recorded model call: the ids of the prompt's tokens, and of those that the policy sampled."""

    prompt: Sequence[int]
    tokens: Sequence[int]


class Sample(msgspec.Struct, frozen=True):
    """Execution `sample` of `instance`. `label` is the class that it counts for in curves a class, or nothing."""

    instance: str
    sample: int
    reward: float
    calls: Sequence[Call]
    label: str = ""
