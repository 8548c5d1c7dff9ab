"""Submits a kernel: its language, its source, and what it is compiled with. Which one, the tunables say."""

from pathlib import Path

KERNELS = Path(__file__).with_name("kernels")
DEFINED = {"chunked": ["chunk"], "tiled": ["lanes", "tile", "columns", "share"]}
"""The tunables that each source in C++ is compiled with; of 0 the source itself decides."""


def solve(instance, ctx):
    """The kernel as `task.md` wants it."""
    params = ctx.params
    structure = params["structure"]
    if structure in DEFINED:
        flags = [params["optimise"], "-march=native", "-ffast-math", "-fopenmp"]
        flags += [f"-D{name.upper()}={params[name]}" for name in DEFINED[structure] if params[name]]
        return {"language": "c++", "source": read(f"{structure}.py"), "code": read(f"{structure}.cpp"), "flags": flags}
    if structure == "compiled":
        source = read("fused.py") + "\n\ncustom_kernel = torch.compile(custom_kernel, dynamic=False)\n"
        return {"language": "torch", "source": source}
    return {"language": "torch", "source": read(f"{structure}.py")}


def read(name):
    """A file of `kernels/`."""
    return (KERNELS / name).read_text()
