"""The identity of an adapter that is served: log-probabilities of one fixed text, as its trainer computed them.

A server may serve the base, or an adapter of before, under the name of a new one, and say nothing; a training on such
rollouts is wrecked. An adapter's manifest therefore tells what the fixed text gets under base and adapter, and what a
server says of it is compared (`mismatch`).

A server computes in other precision than the trainer: in bf16, whose logits between 16 and 32 are 0.125 apart, a
log-probability is off by some hundredths. Much of that is the same with the adapter and without, so the changes that
the adapter makes are compared, not the values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

TEXT = (
    "The river rises in the mountains and flows east through ten countries to the sea. A judge reads the case, "
    "names the law, and says why. for i in range(10): print(i * i) The answer is 42, and the next one is 7."
)
TOKENS = 64
"""The most tokens of the text that are compared."""
TOLERANCE = 0.1
"""Nats a token, in the mean: a served change may differ so much from the trainer's, or by a quarter of that change."""
TELLS = 1e-3
"""Nats a token, in the mean: what differs less in the trainer may be the same on the server."""
SAME = 1e-6
"""Nats: two adapters whose every log-probability differs by less are served as one."""


class Fingerprint(msgspec.Struct, frozen=True):
    """The tokens of the fixed text, and the log-probability of each after the first, under base and adapter."""

    ids: Sequence[int]
    base: Sequence[float]
    adapter: Sequence[float]


class Served(msgspec.Struct, frozen=True):
    """What a server says of the fixed text under one adapter, and what the adapter's trainer said, if that is known."""

    logprobs: Sequence[float]
    trained: Fingerprint | None


def mismatch(base: Sequence[float], new: Served, earlier: Mapping[str, Served]) -> str:
    """Why `new` is not the adapter that it is called, or "". `base` is what the server says under the base model.

    `earlier` are adapters that the server was given before, by their names.
    """
    own = new.trained
    if _same(base, new.logprobs) and (own is None or _apart(own.adapter, own.base) > TELLS):
        return "it answers as the base model"
    for name, other in earlier.items():
        tells = own is None or other.trained is None or _apart(own.adapter, other.trained.adapter) > TELLS
        if tells and _same(other.logprobs, new.logprobs):
            return f"it answers as the adapter {name[:12]}"
    if own is None:
        return ""
    change = _change(new.logprobs, base)
    off = _apart(change, _change(own.adapter, own.base))
    if not off <= max(TOLERANCE, _apart(own.adapter, own.base) / 4):  # nor where it is NaN
        return f"it is {off:.2f} nats a token from what its trainer computed"
    for name, other in earlier.items():
        if other.trained is None or _apart(own.adapter, other.trained.adapter) <= TOLERANCE:
            continue
        if _apart(change, _change(other.trained.adapter, other.trained.base)) <= off:
            return f"it is nearer to the adapter {name[:12]}"
    return ""


def _change(new: Sequence[float], base: Sequence[float]) -> list[float]:
    """What the adapter changes, a token at a time; nothing where the texts differ."""
    return [one - other for one, other in zip(new, base, strict=True)] if len(new) == len(base) else []


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(abs(a - b) <= SAME for a, b in zip(one, other, strict=True))


def _apart(one: Sequence[float], other: Sequence[float]) -> float:
    """The mean distance, in nats a token; infinite where they are of different texts."""
    if not one or len(one) != len(other):
        return float("inf")
    return sum(abs(a - b) for a, b in zip(one, other, strict=True)) / len(one)
