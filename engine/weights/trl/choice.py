"""Which trainer learns: our own loop, or TRL. Pure."""

from __future__ import annotations

from typing import Literal

Trainer = Literal["ours", "trl"]
Setting = Literal["auto", "ours", "trl"]
PACKAGES = ("trl", "datasets")
ALGORITHMS = ("grpo", "entropic", "best-of-n", "dpo")
"""The algorithms that TRL's trainers compute; of the others it has no stable trainer with the same loss."""


def choose(setting: Setting, algorithm: str, *, devices: int, size: int, memory: int, installed: bool) -> Trainer:
    """The trainer of a training with `setting`.

    `size` are the bytes of the model, `memory` those of a device. By `auto`, TRL learns where there are several
    `devices`, which our loop does not use, and where a model does not fit beside itself (once for its weights, once
    for what learning adds), since TRL can compute activations anew; our loop is faster on all others. An algorithm
    that TRL has not is always ours.
    """
    if algorithm not in ALGORITHMS:
        return "ours"
    if setting != "auto":
        return setting
    return "trl" if installed and (devices > 1 or is_large(size, memory)) else "ours"


def is_large(size: int, memory: int) -> bool:
    """Whether a model of `size` bytes does not fit beside itself into `memory` bytes."""
    return 2 * size > memory
