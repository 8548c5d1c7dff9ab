"""Calls `tiled.cpp`; keeps its scratch memory between calls, which holds nothing that a call reads before writing."""

import extension
import torch

_scratch = {}
NAMES = ("left_proj", "left_gate", "right_proj", "right_gate", "out_gate")


def custom_kernel(data):
    x, mask, weights, config = data
    batch, n, _, dim = x.shape
    hidden = config["hidden_dim"]
    side = hidden * batch * n * n
    size = 2 * side + 6 * hidden * (dim + 64)  # both sides, and panels of weights
    if size not in _scratch:
        _scratch[size] = torch.empty(size)
    inside = torch.cat([weights[f"{name}.weight"] for name in NAMES])
    out = torch.empty_like(x)
    given = [x, mask, weights["norm.weight"], weights["norm.bias"], inside]
    given += [weights["to_out_norm.weight"], weights["to_out_norm.bias"], weights["to_out.weight"]]
    space = _scratch[size].data_ptr()
    at = [tensor.data_ptr() for tensor in given] + [space, space + 4 * side, space + 8 * side, out.data_ptr()]
    pointers = map(extension.ctypes.c_void_p, at)
    extension.library.trimul(*pointers, *map(extension.ctypes.c_int64, (batch, n, dim, hidden)))
    return out
