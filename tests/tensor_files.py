"""Safetensors files of zeros and LoRA adapters in PEFT's form, written without torch."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SHAPES = {"model.layers.0.self_attn.q_proj.weight": [8, 4], "model.layers.0.mlp.up_proj.weight": [16, 4]}
CONFIG = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "up_proj"], "bias": "none"}


def write(path: Path, shapes: Mapping[str, Sequence[int]], dtype: str = "F32") -> None:
    """A file with these tensors."""
    at, rows = 0, dict[str, Any]()
    width = {"F32": 4, "BF16": 2, "I64": 8}[dtype]
    for name, shape in shapes.items():
        size = width
        for side in shape:
            size *= side
        rows[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    head = json.dumps({"__metadata__": {"format": "pt"}, **rows}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(at))


def checkpoint(folder: Path) -> Path:
    """The tensors of a model with two linear layers and a norm."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "model.safetensors", {**SHAPES, "model.norm.weight": [4]}, "BF16")
    return folder


def layer(name: str, width: int, out: int, rank: int = 2) -> dict[str, list[int]]:
    """The shapes of the two matrices of a layer."""
    whole = f"base_model.model.{name}"
    return {f"{whole}.lora_A.weight": [rank, width], f"{whole}.lora_B.weight": [out, rank]}


def lora() -> dict[str, list[int]]:
    """The shapes of an adapter for `checkpoint`."""
    rows = (layer(name.removesuffix(".weight"), width, out) for name, (out, width) in SHAPES.items())
    return {name: shape for row in rows for name, shape in row.items()}


def adapter(folder: Path, shapes: Mapping[str, Sequence[int]] | None = None, dtype: str = "F32", **config: Any) -> Path:
    """A folder in PEFT's form."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps(CONFIG | config))
    write(folder / "adapter_model.safetensors", lora() if shapes is None else shapes, dtype)
    return folder
