"""The hyper-parameters of a training: one flat, bounded set, checked before anything is computed.

Defaults are the paper's where it states them (arXiv 2605.27276: rank 32, learning rate 4e-5), else the usual ones.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from engine.errors import SiaError

Algorithm = Literal["grpo", "ppo", "entropic", "reinforce", "best-of-n", "dpo"]
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that determines a training, except its data, base model and seed."""

    algorithm: Algorithm
    rank: Annotated[int, Meta(ge=1, le=64, description="rank of the adapter, in all linear layers of the model")] = 32
    alpha: Annotated[float, Meta(ge=0.1, le=1024, description="the adapter is scaled by alpha / rank")] = 64.0
    learning_rate: Annotated[float, Meta(ge=1e-8, le=1e-2, description="of AdamW")] = 4e-5
    rounds: Annotated[int, Meta(ge=1, le=1000, description="rounds of rollouts and learning, at most")] = 8
    instances: Annotated[int, Meta(ge=0, le=1_000_000, description="train instances a round; 0 is all")] = 0
    samples: Annotated[int, Meta(ge=2, le=256, description="executions of an instance in a round")] = 8
    temperature: Annotated[float, Meta(ge=0.05, le=4, description="at which rollouts are sampled")] = 1.0
    epochs: Annotated[int, Meta(ge=1, le=32, description="passes over the samples of a round")] = 1
    batch: Annotated[int, Meta(ge=1, le=4096, description="sequences a gradient step")] = 64
    warmup: Annotated[int, Meta(ge=0, le=10_000, description="gradient steps over which the learning rate rises")] = 0
    max_grad_norm: Annotated[float, Meta(ge=0.001, le=1000, description="to which gradients are clipped")] = 1.0
    kl: Annotated[float, Meta(ge=0, le=10, description="weight of the divergence from the base model")] = 0.0
    clip: Annotated[float, Meta(ge=0.01, le=1, description="how far new / old probability may move from 1")] = 0.2
    discount: Annotated[float, Meta(ge=0.1, le=1, description="of a reward, per token (PPO)")] = 1.0
    gae_lambda: Annotated[float, Meta(ge=0, le=1, description="of generalised advantage estimation (PPO)")] = 0.95
    value_rate: Annotated[float, Meta(ge=1e-6, le=0.1, description="learning rate of the value head (PPO)")] = 1e-3
    beta: Annotated[float, Meta(ge=0, le=20, description="sharpness of entropic weights; 0 adapts it")] = 0.0
    preference_beta: Annotated[float, Meta(ge=0.001, le=10, description="how strictly DPO keeps to the base")] = 0.1


_SHARED = {
    *("rank", "alpha", "learning_rate", "rounds", "instances", "samples", "temperature", "epochs", "batch", "warmup"),
    "max_grad_norm",
}
_OWN: Mapping[str, set[str]] = {
    "grpo": {"clip", "kl"},
    "ppo": {"clip", "kl", "discount", "gae_lambda", "value_rate"},
    "entropic": {"clip", "kl", "beta"},
    "reinforce": {"kl"},
    "best-of-n": set(),
    "dpo": {"preference_beta"},
}
_DEFAULTS: Mapping[str, dict[str, float]] = {"reinforce": {"kl": 0.05}}


def parameters(algorithm: str) -> list[str]:
    """The hyper-parameters of `algorithm`, in their order in `Recipe`."""
    return [name for name in Recipe.__struct_fields__ if name in _SHARED | _OWN[algorithm]]


def recipe(algorithm: str, given: Mapping[str, Any]) -> Recipe:
    """The recipe of `algorithm`: its defaults, overridden by `given`.

    Raises `SiaError` for a hyper-parameter that the algorithm does not have, a value out of bounds, or an invalid
    combination.
    """
    if algorithm not in ALGORITHMS:
        raise SiaError(f"there is no training algorithm {algorithm!r}", f"choose one of {', '.join(ALGORITHMS)}")
    known = parameters(algorithm)
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, 1) or known
            raise SiaError(f"{algorithm} has no hyper-parameter {name!r}", f"it has {', '.join(near)}")
        _check(name, value)
    made = msgspec.convert({**_DEFAULTS.get(algorithm, {}), **given, "algorithm": algorithm}, Recipe)
    if algorithm == "reinforce" and made.kl == 0:
        raise SiaError("reinforce needs kl above 0, which keeps the model close to its base", "set kl, or choose grpo")
    if algorithm == "reinforce" and made.epochs > 1:
        raise SiaError("reinforce learns from samples of the present policy only", "leave epochs at 1, or take grpo")
    return made


def _check(name: str, value: Any) -> None:
    kind = {field.name: field.type for field in msgspec.structs.fields(Recipe)}[name]
    try:
        if isinstance(value, float) and not math.isfinite(value):
            raise msgspec.ValidationError
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        whole, (bounds,) = ("a whole number" if kind.__origin__ is int else "a number"), kind.__metadata__
        raise SiaError(
            f"the hyper-parameter {name} cannot be {value!r}",
            f"it is {whole} from {bounds.ge:g} to {bounds.le:g}: {bounds.description}",
        ) from None
