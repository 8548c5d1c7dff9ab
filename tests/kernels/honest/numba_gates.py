"""torch multiplies; numba fuses all that lies between the products into one pass each."""

import numba
import numpy as np
import torch
from torch.nn import functional

NAMES = ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")


@numba.njit(fastmath=True, inline="always")
def sigmoid(x):
    """By the continued fraction of tanh to its seventh term, which compiles to SIMD; within 1e-4."""
    y = min(max(x * np.float32(0.5), np.float32(-4.97)), np.float32(4.97))
    s = y * y
    above = y * (np.float32(135135) + s * (np.float32(17325) + s * (np.float32(378) + s)))
    below = np.float32(135135) + s * (np.float32(62370) + s * (np.float32(3150) + s * np.float32(28)))
    return np.float32(0.5) + np.float32(0.5) * above / below


@numba.njit(parallel=True, fastmath=True)
def gate(made, mask, hidden):
    for h in numba.prange(2 * hidden):
        value, by = made[h], made[2 * hidden + h]
        for c in range(mask.size):
            value[c] *= mask[c] * sigmoid(by[c])


@numba.njit(parallel=True, fastmath=True)
def finish(out, by, weight, bias):
    hidden, cells = out.shape
    done = np.empty((cells, hidden), np.float32)
    for c in numba.prange(cells):
        total, squares = np.float32(0), np.float32(0)
        for h in range(hidden):
            total += out[h, c]
        middle = total / np.float32(hidden)
        for h in range(hidden):
            squares += (out[h, c] - middle) ** 2
        scale = np.float32(1) / np.sqrt(squares / np.float32(hidden) + np.float32(1e-5))
        for h in range(hidden):
            done[c, h] = ((out[h, c] - middle) * scale * weight[h] + bias[h]) * sigmoid(by[h, c])
    return done


def custom_kernel(data):
    x, mask, weights, config = data
    hidden, dim = config["hidden_dim"], config["dim"]
    batch, n = x.shape[:2]
    numba.set_num_threads(torch.get_num_threads())
    x = functional.layer_norm(x, (dim,), weights["norm.weight"], weights["norm.bias"]).view(-1, dim)
    made = torch.mm(torch.cat([weights[f"{name}.weight"] for name in NAMES]), x.t())
    gate(made.numpy(), mask.view(-1).numpy(), hidden)
    left, right = (made[k * hidden : (k + 1) * hidden].view(hidden * batch, n, n) for k in (0, 1))
    out = torch.bmm(left, right.transpose(1, 2)).view(hidden, -1)
    names = ("to_out_norm.weight", "to_out_norm.bias")
    done = finish(out.numpy(), made[4 * hidden :].numpy(), *(weights[name].numpy() for name in names))
    return torch.mm(torch.from_numpy(done), weights["to_out.weight"].t()).view(batch, n, n, dim)
