"""Calls cpp_loops.cpp."""

import ctypes

import extension
import torch

NAMES = ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")
AFTER = ("to_out_norm.weight", "to_out_norm.bias", "to_out.weight")


def custom_kernel(data):
    x, mask, weights, config = data
    hidden = config["hidden_dim"]
    batch, n, _, dim = x.shape
    inside = torch.cat([weights[f"{name}.weight"] for name in NAMES]).t().contiguous()
    space, out = torch.empty(4 * hidden * batch * n * n), torch.empty_like(x)
    after = [weights[AFTER[0]], weights[AFTER[1]], weights[AFTER[2]].t().contiguous()]
    given = [x, mask, weights["norm.weight"], weights["norm.bias"], inside, *after, space, out]
    pointers = [ctypes.c_void_p(tensor.data_ptr()) for tensor in given]
    extension.library.update(*pointers, *map(ctypes.c_int, (batch, n, dim, hidden)))
    return out
