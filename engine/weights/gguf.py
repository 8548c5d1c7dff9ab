"""Converts an adapter to llama.cpp's GGUF: renamed tensors, with the rows of queries and keys permuted.

llama.cpp's rotary embedding rotates neighbouring pairs of a head's dimensions, transformers' its two halves. Converted
weights are permuted for that, so B of q and k must be, too; otherwise nothing fails, but the model gets worse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ARCHITECTURES = ("llama",)
"""Model types of transformers that can be converted."""
_NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_TENSOR = re.compile(r"layers\.(\d+)\.(\w+\.\w+)\.lora_([AB])\.weight$")


def write(tensors: Mapping[str, Any], path: Path, *, alpha: float, heads: int, kv_heads: int) -> None:
    """Writes PEFT's tensors (numpy, fp32) of an adapter for a Llama model; equal tensors give equal files."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", alpha)
    for name, values in sorted(tensors.items()):
        found = _TENSOR.search(name)
        if not found:
            raise ValueError(f"llama.cpp has no name for the adapter's tensor {name}")
        block, layer, part = found.groups()
        turned = {"self_attn.q_proj": heads, "self_attn.k_proj": kv_heads}.get(layer) if part == "B" else None
        lines = permute_rows(values, turned) if turned else values
        writer.add_tensor(f"blk.{block}.{_NAMES[layer]}.weight.lora_{part.lower()}", lines)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def permute_rows(rows: Any, heads: int) -> Any:
    """The rows of a projection into `heads` heads, reordered from (half, pair) to (pair, half)."""
    import numpy as np

    count, width = rows.shape
    return np.ascontiguousarray(rows.reshape(heads, 2, count // heads // 2, width).swapaxes(1, 2).reshape(count, width))
