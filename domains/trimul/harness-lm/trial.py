"""Tries the kernel that stands in its input, in a process that may die of it, and prints what came of it as JSON."""

import contextlib
import ctypes
import importlib.util
import json
import math
import os
import statistics
import sys
import tempfile
import time
import types
from pathlib import Path

SMALL = [(8, 1, 32), (13, 2, 48)]
TIMED = (64, 1, 128)
HIDDEN = 128
ROUNDS = 3
TOLERANCE = 2e-2


def main():
    """Right on small cases with masks? Then how fast beside the reference, in turns?"""
    given = json.load(sys.stdin)
    told, sys.stdout = sys.stdout, sys.stderr
    import torch

    torch.set_grad_enabled(False)
    with contextlib.chdir(tempfile.mkdtemp()):
        found = tried(torch, given)
    print(json.dumps(found), file=told)


def tried(torch, given):
    """The trial's result, errors included."""
    reference = defined(given["reference"])
    try:
        kernel = built(given["kernel"])
        for shape in [*SMALL, TIMED]:
            data = inputs(torch, *shape)
            want, got = reference(copied(data)), kernel(copied(data))
            if type(got) is not torch.Tensor or got.dtype != torch.float32 or got.shape != want.shape:
                return {"error": f"it returned no float32 tensor of shape {tuple(want.shape)}"}
            wrong = ~((got - want).abs() <= TOLERANCE + TOLERANCE * want.abs())
            if wrong.any():
                return {"error": f"wrong on {wrong.float().mean():.2%} of the elements with (N, B, dim) = {shape}"}
        pairs = [(timed(reference, data), timed(kernel, data)) for data in [inputs(torch, *TIMED)] * ROUNDS]
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"[-1500:]}
    ratio = math.exp(statistics.median(math.log(theirs / ours) for theirs, ours in pairs))
    return {"ms": statistics.median(ours for _, ours in pairs) * 1e3, "ratio": ratio}


def built(kernel):
    """The kernel's function, with its compiled part as the module `extension`."""
    if kernel.get("code"):
        from torch.utils import cpp_extension

        os.environ["PATH"] = f"{sys.prefix}/bin:{os.environ['PATH']}"
        Path("source.cpp").write_text(kernel["code"])
        path = cpp_extension.load(
            "extension", ["source.cpp"], extra_cflags=kernel["flags"], extra_ldflags=["-fopenmp"],
            build_directory=str(Path.cwd()), is_python_module=False,
        )  # fmt: skip
        module = types.ModuleType("extension")
        module.library, module.ctypes = ctypes.CDLL(path or "extension.so"), ctypes
        sys.modules["extension"] = module
    return defined(kernel["source"])


def defined(source):
    """`custom_kernel` of a source, which stands in a file of its own, as compilers of Python want it."""
    path = Path(tempfile.mkdtemp()) / "kernel.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location("kernel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.custom_kernel


def inputs(torch, n, batch, dim):
    """As the grader draws them, with a mask."""
    names = ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")
    weights = {f"{name}.weight": torch.randn(HIDDEN, dim) / math.sqrt(HIDDEN) for name in names}
    weights |= {"norm.weight": torch.randn(dim), "norm.bias": torch.randn(dim)}
    weights |= {"to_out_norm.weight": torch.randn(HIDDEN), "to_out_norm.bias": torch.randn(HIDDEN)}
    weights["to_out.weight"] = torch.randn(dim, HIDDEN) / math.sqrt(dim)
    mask = torch.randint(0, 2, (batch, n, n)).float()
    return torch.randn(batch, n, n, dim), mask, weights, {"hidden_dim": HIDDEN, "dim": dim}


def copied(data):
    """So that a kernel which spoils its inputs spoils its own."""
    x, mask, weights, config = data
    return x.clone(), mask.clone(), {name: weight.clone() for name, weight in weights.items()}, dict(config)


def timed(kernel, data):
    """Seconds of one call."""
    given = copied(data)
    started = time.perf_counter()
    kernel(given)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
