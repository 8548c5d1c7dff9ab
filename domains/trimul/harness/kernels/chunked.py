"""Calls `chunked.cpp`; keeps its scratch memory between calls, which holds nothing that a call reads before writing."""

import extension
import torch

_scratch = {}
NAMES = ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")


def custom_kernel(data):
    x, mask, weights, config = data
    batch, n, _, dim = x.shape
    hidden, cells = config["hidden_dim"], batch * n * n
    if (cells, hidden) not in _scratch:
        _scratch[cells, hidden] = torch.empty(4 * hidden * cells)
    space = _scratch[cells, hidden]
    inside = torch.cat([weights[f"{name}.weight"] for name in NAMES])
    out = torch.empty_like(x)
    at = [space.data_ptr() + 4 * part * hidden * cells for part in (0, 2, 3)]
    given = [x, mask, weights["norm.weight"], weights["norm.bias"], inside]
    given += [weights["to_out_norm.weight"], weights["to_out_norm.bias"], weights["to_out.weight"]]
    pointers = [extension.ctypes.c_void_p(tensor.data_ptr()) for tensor in given]
    pointers += [extension.ctypes.c_void_p(pointer) for pointer in (*at, out.data_ptr())]
    extension.library.trimul(*pointers, *map(extension.ctypes.c_int64, (batch, n, dim, hidden)))
    return out
