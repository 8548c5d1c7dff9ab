"""The reference, with its gates in Triton: the least that shows that Triton works where kernels are judged."""

import torch
import triton
import triton.language as tl
from torch.nn import functional

BLOCK = 1024


@triton.jit
def gates(value, gate, mask, out, size, hidden: tl.constexpr, block: tl.constexpr):
    at = tl.program_id(0) * block + tl.arange(0, block)
    inside = at < size
    gated = tl.load(value + at, mask=inside) * tl.sigmoid(tl.load(gate + at, mask=inside))
    tl.store(out + at, gated * tl.load(mask + at // hidden, mask=inside), mask=inside)


def gated(value, gate, mask):
    out = torch.empty_like(value)
    gates[(triton.cdiv(value.numel(), BLOCK),)](value, gate, mask, out, value.numel(), value.shape[-1], BLOCK)
    return out


def custom_kernel(data):
    x, mask, weights, config = data
    hidden, dim = config["hidden_dim"], config["dim"]
    x = functional.layer_norm(x, (dim,), weights["norm.weight"], weights["norm.bias"])
    left, right, left_gate, right_gate, out_gate = (
        functional.linear(x, weights[f"{name}.weight"])
        for name in ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")
    )
    out = torch.einsum("bikh,bjkh->bijh", gated(left, left_gate, mask), gated(right, right_gate, mask))
    out = functional.layer_norm(out, (hidden,), weights["to_out_norm.weight"], weights["to_out_norm.bias"])
    return functional.linear(gated(out, out_gate, torch.ones_like(mask)), weights["to_out.weight"])
