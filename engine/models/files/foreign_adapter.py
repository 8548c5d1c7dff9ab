"""An adapter made elsewhere, in PEFT's form: whether it is a plain LoRA adapter that fits a checkpoint.

Only the headers of tensor files are read (safetensors: 8 bytes of length, little-endian, then JSON), so that neither
torch nor memory for the model is needed. What the adapter calls its base is a name without a digest, which proves
nothing: layers and shapes decide, and a digest only where sia itself has written it.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
MOST_CONFIG, MOST_HEADER = 1_000_000, 100_000_000
"""Bytes; that of a header is the format's own limit."""
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_NAME = re.compile(r"base_model\.model\.(.+)\.lora_([AB])\.weight")
_EMPTY = (
    *("use_dora", "use_rslora", "modules_to_save", "rank_pattern", "alpha_pattern", "layer_replication", "lora_bias"),
    *("trainable_token_indices", "target_parameters", "fan_in_fan_out", "alora_invocation_tokens", "use_qalora"),
    *("use_bdlora", "arrow_config", "kasa_config", "velora_config", "monteclora_config"),
)
"""Options of PEFT that make of it more than two matrices a layer, or scale them otherwise, or not for every token."""
_BEGUN = (None, True, False, "gaussian", "orthogonal", "eva")
"""Values of `init_lora_weights` that leave the base as it is; with others, as PiSSA, it is added to another base."""


class Unfit(ValueError):
    """The folder has no plain LoRA adapter for the checkpoint; the message says why."""


class _Tensor(msgspec.Struct):
    dtype: str
    shape: list[Annotated[int, Meta(ge=0)]]
    data_offsets: tuple[int, int]


class _Config(msgspec.Struct):
    peft_type: str
    r: Annotated[int, Meta(ge=1, le=64)]
    lora_alpha: Annotated[float, Meta(gt=0)]
    bias: str = "none"
    base_model_name_or_path: str | None = None


def config_for(folder: Path, checkpoint: Path, weights: str) -> bytes:
    """PEFT's configuration of the adapter in `folder` for the model in `checkpoint`, named `weights`.

    It names each layer in full, and nothing of the machine that it was made on. Raises `Unfit`.
    """
    config = _config(folder)
    if (named := config.base_model_name_or_path or "").startswith("hf:") and named != weights:
        raise Unfit("it was trained on other weights of the base")
    layers = _layers(folder / TENSORS)
    base = {name: one.shape for path in sorted(checkpoint.glob("*.safetensors")) for name, one in header(path).items()}
    for layer, parts in sorted(layers.items()):
        if len(parts) != 2:
            raise Unfit(f"the layer {layer} has one of two matrices")
        shape = base.get(f"{layer}.weight")
        if shape is None or len(shape) != 2:
            raise Unfit(f"the model has no linear layer {layer}")
        if parts != {"A": [config.r, shape[1]], "B": [shape[0], config.r]}:
            raise Unfit(f"the matrices of {layer} have not the shapes of rank {config.r} for {shape[0]} by {shape[1]}")
    plain: dict[str, Any] = {
        "base_model_name_or_path": weights, "bias": "none", "inference_mode": True, "lora_alpha": config.lora_alpha,
        "lora_dropout": 0.0, "peft_type": "LORA", "r": config.r, "target_modules": sorted(layers),
        "task_type": "CAUSAL_LM",
    }  # fmt: skip
    return msgspec.json.format(msgspec.json.encode(plain, order="sorted"), indent=2) + b"\n"


def header(path: Path) -> Mapping[str, _Tensor]:
    """The tensors of a safetensors file by name; raises `Unfit` where it is damaged or cut."""
    try:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            if size > MOST_HEADER:
                raise ValueError
            found = msgspec.json.decode(file.read(size), type=dict[str, msgspec.Raw])
        found.pop("__metadata__", None)
        tensors = {name: msgspec.json.decode(raw, type=_Tensor) for name, raw in found.items()}
        spans = sorted(one.data_offsets for one in tensors.values())
        starts, ends = [start for start, _ in spans], [end for _, end in spans]
        whole = [*starts, path.stat().st_size - 8 - size] == [0, *ends]  # each begins where the one before it ends
    except (OSError, struct.error, ValueError, RecursionError):
        whole, tensors = False, {}
    if not whole:
        raise Unfit(f"{path.name} is missing, damaged or cut")
    return tensors


def _config(folder: Path) -> _Config:
    try:
        with (folder / CONFIG).open("rb") as file:
            raw = file.read(MOST_CONFIG)
        given = msgspec.json.decode(raw, type=dict[str, Any])
        config = msgspec.json.decode(raw, type=_Config)
    except OSError:
        raise Unfit(f"there is no {CONFIG} in it") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Unfit(f"{CONFIG} is not that of a LoRA adapter of rank 1 to 64: {error}") from None
    if config.peft_type != "LORA":
        raise Unfit(f"it is of the kind {config.peft_type[:20]}, not LORA")
    if config.bias != "none":
        raise Unfit("it changes biases, too")
    if found := [name for name in _EMPTY if given.get(name)]:
        raise Unfit(f"it has {found[0]}, which sia does not serve")
    if (begun := given.get("init_lora_weights")) not in _BEGUN:
        raise Unfit(f"it changes its base, too, since it began as {str(begun)[:20]}")
    return config


def _layers(path: Path) -> dict[str, dict[str, list[int]]]:
    """By layer, the shapes of its matrices A and B."""
    layers: dict[str, dict[str, list[int]]] = {}
    for name, one in header(path).items():
        if not (found := _NAME.fullmatch(name)):
            raise Unfit(f"it has a tensor {name[:80]}, which is not of a LoRA layer")
        if (width := _BYTES.get(one.dtype)) is None:
            raise Unfit(f"its tensors are of the type {one.dtype[:10]}")
        if math.prod(one.shape) * width != one.data_offsets[1] - one.data_offsets[0]:
            raise Unfit(f"{path.name} is missing, damaged or cut")
        layers.setdefault(found[1], {})[found[2]] = one.shape
    if not layers:
        raise Unfit("it has no layer")
    return layers
