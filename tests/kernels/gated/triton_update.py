"""Gates and the product over k in Triton, the projections and norms in torch."""

import torch
import triton
import triton.language as tl
from torch.nn import functional

NAMES = ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")


@triton.jit
def gate(value, by, mask, cells, SIZE: tl.constexpr):
    at = tl.program_id(1) * SIZE + tl.arange(0, SIZE)
    row = tl.program_id(0) * cells
    inside = at < cells
    made = tl.load(value + row + at, mask=inside, other=0.0)
    made *= tl.load(mask + at, mask=inside, other=0.0)
    made *= tl.sigmoid(tl.load(by + row + at, mask=inside, other=0.0))
    tl.store(value + row + at, made, mask=inside)


@triton.jit
def product(left, right, out, n, BLOCK: tl.constexpr):
    item = tl.program_id(0) * n * n
    rows = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    columns = tl.program_id(2) * BLOCK + tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK, BLOCK), tl.float32)
    for start in range(0, n, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(
            left + item + rows[:, None] * n + k[None, :], mask=(rows[:, None] < n) & (k[None, :] < n), other=0.0
        )
        at = right + item + columns[None, :] * n + k[:, None]
        b = tl.load(at, mask=(columns[None, :] < n) & (k[:, None] < n), other=0.0)
        total += tl.dot(a, b, input_precision="ieee")
    inside = (rows[:, None] < n) & (columns[None, :] < n)
    tl.store(out + item + rows[:, None] * n + columns[None, :], total, mask=inside)


def custom_kernel(data):
    x, mask, weights, config = data
    hidden, dim = config["hidden_dim"], config["dim"]
    batch, n = x.shape[:2]
    cells = batch * n * n
    x = functional.layer_norm(x, (dim,), weights["norm.weight"], weights["norm.bias"]).view(-1, dim)
    made = torch.mm(torch.cat([weights[f"{name}.weight"] for name in NAMES]), x.t())
    gate[(2 * hidden, triton.cdiv(cells, 1024))](made, made[2 * hidden :], mask, cells, SIZE=1024)
    out, blocks = torch.empty(hidden * batch, n, n, device=x.device), triton.cdiv(n, 16)
    product[(hidden * batch, blocks, blocks)](made, made[hidden:], out, n, BLOCK=16)
    out = out.view(hidden, -1).t()
    out = functional.layer_norm(out, (hidden,), weights["to_out_norm.weight"], weights["to_out_norm.bias"])
    out = out * made[4 * hidden :].t().sigmoid()
    return torch.mm(out, weights["to_out.weight"].t()).view(batch, n, n, dim)
