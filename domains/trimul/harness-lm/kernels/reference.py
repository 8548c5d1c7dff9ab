"""The triangle multiplicative update, outgoing edges, as it is written down: what a kernel is compared with."""

import torch
from torch.nn import functional


def custom_kernel(data):
    x, mask, weights, config = data
    hidden, dim = config["hidden_dim"], config["dim"]
    x = functional.layer_norm(x, (dim,), weights["norm.weight"], weights["norm.bias"])
    left = functional.linear(x, weights["left_proj.weight"]) * mask[..., None]
    right = functional.linear(x, weights["right_proj.weight"]) * mask[..., None]
    left = left * functional.linear(x, weights["left_gate.weight"]).sigmoid()
    right = right * functional.linear(x, weights["right_gate.weight"]).sigmoid()
    gate = functional.linear(x, weights["out_gate.weight"]).sigmoid()
    out = torch.einsum("bikh,bjkh->bijh", left, right)
    out = functional.layer_norm(out, (hidden,), weights["to_out_norm.weight"], weights["to_out_norm.bias"])
    return functional.linear(out * gate, weights["to_out.weight"])
