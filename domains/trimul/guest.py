"""What runs inside the sandbox: the reference, or a candidate, called as often as the grader orders.

Nothing here is a protection: a candidate shares this process. Whatever it patches, the grader writes the inputs, holds
the clock, stops the process before it looks, and compares what then lies in the shared memory.
"""

import ctypes
import importlib.machinery
import importlib.util
import os
import sys
import types

WEIGHTS = (
    "norm.weight", "norm.bias", "left_proj.weight", "right_proj.weight", "left_gate.weight", "right_gate.weight",
    "out_gate.weight", "to_out_norm.weight", "to_out_norm.bias", "to_out.weight",
)  # fmt: skip

SHAPES = 64


def prepare(ctx):
    """Imports torch once for all guests; starts no thread, which a fork would lose."""
    folder = os.path.dirname(os.path.abspath(__file__))
    with open(os.path.join(folder, "threads.txt")) as file:
        threads = int(file.read())
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), str(threads)))
    os.environ["OMP_PROC_BIND"] = "true"  # threads that are woken on one processor take milliseconds to part
    # by number: where /sys is out of sight, as here, a runtime finds no cores to bind to, and says nothing
    places = sorted(os.sched_getaffinity(0))[:threads]
    os.environ["OMP_PLACES"] = ",".join(f"{{{processor}}}" for processor in places)
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"  # torch.compile needs no processes of its own then
    os.environ["PATH"] = os.path.join(sys.prefix, "bin") + ":" + os.environ["PATH"]
    import torch

    torch.set_grad_enabled(False)
    return threads


def solve(instance, ctx):
    """Serves calls: the order is [batch, n, dim, hidden]; the reply says whether a tensor of the right kind came."""
    import torch

    threads, given = ctx.prepared, instance.data
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    torch.set_num_threads(threads)
    if given["language"] == "build":
        build(given, ctx)
        return
    if given["language"] == "triton":
        os.environ["TRITON_INTERPRET"] = "1"  # before it is imported: here is no GPU
    kernel = load(given)
    if "torch._dynamo" in sys.modules:  # torch.compile: a shape beyond the limit would run as it is
        torch._dynamo.config.recompile_limit = SHAPES
    while (order := ctx.line.order()) is not None:
        data, output = tensors(ctx.line.memory, *order)
        try:
            made = kernel(data)
        except RuntimeError as error:
            if "can't allocate memory" in str(error):  # torch's word for it
                raise MemoryError(str(error)) from None
            raise
        if type(made) is not torch.Tensor or made.dtype != torch.float32 or made.shape != output.shape:
            ctx.line.reply(f"it returned {describe(made)}, not a float32 tensor of the shape of its input")
            continue
        output.copy_(made)
        ctx.line.reply("")


def tensors(memory, batch, n, dim, hidden):
    """The arguments of a kernel, and where its result goes, as views of the shared memory."""
    import torch

    at = 0

    def take(*shape):
        nonlocal at
        size = 1
        for length in shape:
            size *= length
        made = torch.frombuffer(memory, dtype=torch.float32, count=size, offset=at).view(shape)
        at += -(-4 * size // 64) * 64
        return made

    shapes = [(dim,), (dim,), *[(hidden, dim)] * 5, (hidden,), (hidden,), (dim, hidden)]
    data, mask = take(batch, n, n, dim), take(batch, n, n)
    weights = {name: take(*shape) for name, shape in zip(WEIGHTS, shapes, strict=True)}
    return (data, mask, weights, {"hidden_dim": hidden, "dim": dim}), take(batch, n, n, dim)


def load(given):
    """The candidate's `custom_kernel`, with its compiled part, where it has one, as the module `extension`."""
    if given.get("library"):
        with open("extension.so", "wb") as file:
            file.write(given["library"])
        sys.modules["extension"] = extension(os.path.abspath("extension.so"))
    with open("kernel.py", "w") as file:
        file.write(given["source"])
    spec = importlib.util.spec_from_file_location("kernel", os.path.abspath("kernel.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["kernel"] = module
    spec.loader.exec_module(module)
    return module.custom_kernel


def extension(path):
    """A module of Python where it is one; else `extension.library` is the shared library."""
    library = ctypes.CDLL(path)
    if hasattr(library, "PyInit_extension"):
        loader = importlib.machinery.ExtensionFileLoader("extension", path)
        module = importlib.util.module_from_spec(importlib.util.spec_from_loader("extension", loader))
        loader.exec_module(module)
        return module
    module = types.ModuleType("extension")
    module.library, module.ctypes = library, ctypes
    return module


def build(given, ctx):
    """Compiles C++ or CUDA through torch's loader of extensions; the library goes into the shared memory.

    The reply is its size, or what the compiler said first.
    """
    from torch.utils import cpp_extension

    ctx.line.order()
    kind = "cu" if given["cuda"] else "cpp"
    with open(f"source.{kind}", "w") as file:
        file.write(given["code"])
    try:
        cpp_extension.load(
            "extension", [f"source.{kind}"], extra_cflags=list(given["flags"]), extra_cuda_cflags=list(given["flags"]),
            extra_ldflags=["-fopenmp"], build_directory=os.getcwd(), with_cuda=given["cuda"], is_python_module=False,
        )  # fmt: skip
    except RuntimeError as error:
        lines = str(error).splitlines()
        ctx.line.reply(next((line for line in lines if " error: " in line or "undefined " in line), lines[-1]))
        ctx.line.order()
        return
    with open("extension.so", "rb") as file:
        library = file.read()
    ctx.line.memory[: len(library)] = library
    ctx.line.reply(len(library))
    ctx.line.order()


def describe(made):
    """What it is, for a person."""
    return f"{type(made).__name__} {getattr(made, 'dtype', '')} {tuple(getattr(made, 'shape', ()))}".strip()
