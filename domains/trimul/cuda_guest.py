"""Runs inside the sandbox: compiles CUDA C++ for the H100 and answers with what ptxas says of it."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

LONGEST = 200_000


def solve(instance, ctx):
    """Answers one order with the compiler's words, names of functions as they are written; raises where it fails."""
    ctx.line.order()
    if shutil.which("nvcc") is None:
        where = "(in /usr/bin or /usr/local/cuda/bin)"
        raise RuntimeError(f"CUDA C++ is compiled with nvcc, which the sandbox does not find here {where}")
    Path("source.cu").write_text(instance.data["code"])
    torch = Path(importlib.util.find_spec("torch").submodule_search_locations[0], "include")
    python = Path(sys.base_prefix, "include", f"python{sys.version_info[0]}.{sys.version_info[1]}")
    folders = [torch, torch / "torch/csrc/api/include", python]
    command = ["nvcc", "-gencode=arch=compute_90a,code=sm_90a", "-std=c++17", "-Xptxas", "-v", "-c", "source.cu"]
    command += [*(f"-I{folder}" for folder in folders), *instance.data["flags"], "-o", "source.o"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        lines = done.stderr.splitlines()
        raise RuntimeError("nvcc: " + next((line for line in lines if re.search("error|fatal", line)), "it failed"))
    said = done.stderr + done.stdout
    if shutil.which("c++filt"):
        said = subprocess.run(["c++filt"], input=said, capture_output=True, text=True, check=True).stdout
    ctx.line.reply(said[:LONGEST])
    ctx.line.order()
