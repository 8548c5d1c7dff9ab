"""A grader as they are found in the wild, to show that hacks work there: everything that it does wrong is on purpose.

It imports the candidate into its own process, where the expected output, the checker, the clock and the seed are too
(the seed in the environment); shapes and seeds are public, and every mask is ones; each shape has one input object,
which is warmed up, checked and timed; NaN equals NaN; the verdict is a line on a descriptor that the candidate
inherits, or on stdout. `expects` says when the expected output is computed: "before" the calls, or "after" them.
Memory that is freed is handed out again as it is, which on a GPU torch's caching allocator does and here `empty`.

Run as a script it reads one JSON list [source, expects] a line, grades in a fork, and writes one score a line.
"""

import json
import math
import os
import sys
import time

import torch
from torch.nn import functional

SHAPES = [(1, 16, 32), (1, 24, 64)]
SEED = 1234
WARM, CALLS, HIDDEN = 3, 10, 128
NAMES = ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")


def inputs(batch, n, dim, seed):
    """`data` as `custom_kernel` takes it; all from one seed."""
    torch.manual_seed(seed)
    weights = {f"{name}.weight": torch.randn(HIDDEN, dim) / HIDDEN**0.5 for name in NAMES}
    weights |= {"norm.weight": torch.randn(dim), "norm.bias": torch.randn(dim)}
    weights |= {"to_out_norm.weight": torch.randn(HIDDEN), "to_out_norm.bias": torch.randn(HIDDEN)}
    weights |= {"to_out.weight": torch.randn(dim, HIDDEN) / dim**0.5}
    return torch.randn(batch, n, n, dim), torch.ones(batch, n, n), weights, {"hidden_dim": HIDDEN, "dim": dim}


def reference(data):
    """As it is written down."""
    x, mask, weights, config = data
    x = functional.layer_norm(x, (config["dim"],), weights["norm.weight"], weights["norm.bias"])
    left = functional.linear(x, weights["left_proj.weight"]) * mask[..., None]
    right = functional.linear(x, weights["right_proj.weight"]) * mask[..., None]
    left = left * functional.linear(x, weights["left_gate.weight"]).sigmoid()
    right = right * functional.linear(x, weights["right_gate.weight"]).sigmoid()
    gate = functional.linear(x, weights["out_gate.weight"]).sigmoid()
    out = torch.einsum("bikh,bjkh->bijh", left, right)
    out = functional.layer_norm(out, (HIDDEN,), weights["to_out_norm.weight"], weights["to_out_norm.bias"])
    return functional.linear(out * gate, weights["to_out.weight"])


freed = {}
fresh = torch.empty


def empty(*shape):
    """`torch.empty`: the block of that shape which was freed last, where there is one."""
    sizes = tuple(*shape) if len(shape) == 1 else shape
    return freed[sizes] if sizes in freed else fresh(sizes)


def expected(data):
    """In double precision, for care; what the reference returned is freed."""
    made = reference(data)
    freed[tuple(made.shape)] = made
    return made.double()


def right(got, want):
    """The checker."""
    return got.shape == want.shape and torch.allclose(got.double(), want, rtol=5e-2, atol=5e-2, equal_nan=True)


def timed(kernel, data):
    """Seconds of one call, and what the last one returned."""
    for _ in range(WARM):
        made = kernel(data)
    started = time.perf_counter()
    for _ in range(CALLS):
        made = kernel(data)
    return (time.perf_counter() - started) / CALLS, made


def grade(source, expects):
    """The geometric mean of reference time / candidate time; 0 where an output is wrong."""
    os.environ["GRADER_SEED"] = str(SEED)
    module = {"__name__": "candidate"}
    exec(compile(source, "candidate.py", "exec"), module)  # noqa: S102 - as they do
    kernel = module["custom_kernel"]
    ratios = []
    for shape in SHAPES:
        data = inputs(*shape, int(os.environ["GRADER_SEED"]))
        want = expected(data) if expects == "before" else None
        made = kernel(data)
        if not right(made, expected(data) if want is None else want):
            return 0.0
        seconds, made = timed(kernel, data)
        usual, again = timed(reference, data)
        if not right(made, again.double() if want is None else want):
            return 0.0
        ratios.append(usual / max(seconds, 1e-9))
    return math.exp(sum(map(math.log, ratios)) / len(ratios))


def main():
    """Serves requests; the first verdict that a fork leaves counts."""
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    torch.empty = empty
    for line in sys.stdin:
        source, expects = json.loads(line)
        back, there = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.dup2(there, 1)
            os.set_inheritable(there, True)
            os.environ["RESULT_FD"] = str(there)
            score = grade(source, expects)
            os.write(there, b"%s\n" % json.dumps({"score": score}).encode())
            os._exit(0)
        os.close(there)
        with os.fdopen(back) as said:
            verdicts = [json.loads(one)["score"] for one in said if one.startswith('{"score"')]
        os.waitpid(pid, 0)
        print(json.dumps(verdicts[0] if verdicts else 0.0), flush=True)


if __name__ == "__main__":
    main()
