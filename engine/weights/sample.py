"""Training samples: an execution of the harness on a train instance, as its model calls and its reward."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Call(msgspec.Struct, frozen=True):
    """One model call: the ids of the prompt's tokens, and of the tokens that the policy sampled."""

    prompt: Sequence[int]
    tokens: Sequence[int]


class Sample(msgspec.Struct, frozen=True):
    """Execution `sample` of `instance`. `label` is its class in measures by class, or empty."""

    instance: str
    sample: int
    reward: float
    calls: Sequence[Call]
    label: str = ""
