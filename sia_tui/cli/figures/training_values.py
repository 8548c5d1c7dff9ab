"""The order of the values that a training reports."""

from __future__ import annotations

_FIRST = ("reward", "reward_so_far", "kl", "entropy", "loss", "tokens_s")


def value_order(name: str) -> tuple[int, str]:
    """A sort key: rewards, signs of collapse, then the others by name."""
    stem = name.partition("/")[0]
    return (_FIRST.index(stem) if stem in _FIRST else len(_FIRST), name)
