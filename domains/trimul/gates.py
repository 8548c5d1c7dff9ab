"""Checks, without a GPU, kernels that need one. A gate checks correctness or resources and never times.

Triton runs under its own interpreter, at small sizes: a gate of correctness. CUDA C++ is compiled by nvcc for the
H100 (sm_90a), and ptxas tells registers, spills and shared memory: a gate of resources. Either scores 0.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from domains.contract import Guest, GuestFailed, KernelRunner, Limits
from domains.trimul import suite
from domains.trimul.candidate import Candidate, KernelRefused, parse
from domains.trimul.cases import Case

INTERPRETED = [
    Case(8, 1, 32, False, "normal"),
    Case(8, 2, 32, True, "normal"),
    Case(16, 1, 32, True, "cauchy"),
]
"""The interpreter takes seconds for each. A hidden case, larger than a tile, is added."""
NVCC = Limits(cpu_s=180, wall_s=200, memory_mb=3072, disk_mb=128, processes=64)
_HERE = Path(__file__).parent
_ENTRY = re.compile(r"Compiling entry function '(.+?)' for '")
_SPILLS = re.compile(r"(\d+) bytes spill stores, (\d+) bytes spill loads")
_USED = re.compile(r"Used (\d+) registers")
_SHARED = re.compile(r"(\d+) bytes smem")


class Gate(msgspec.Struct, frozen=True):
    """The result of a gate, as a sentence and as numbers."""

    sentence: str
    measures: Mapping[str, float]


class Kernel(msgspec.Struct):
    """What one kernel uses: registers a thread, spilled bytes, bytes of static shared memory a block."""

    name: str
    registers: int = 0
    spilled: int = 0
    shared: int = 0


def run(answer: Any, runner: KernelRunner) -> Gate | None:
    """Runs the gate for the answer's language; None if it can be timed here. Raises `KernelRefused`."""
    candidate = parse(answer)
    if candidate.language == "triton":
        return run_interpreted(candidate, runner)
    return resources(candidate, runner) if candidate.language == "cuda" else None


def run_interpreted(candidate: Candidate, runner: KernelRunner) -> Gate:
    """Runs Triton's interpreter; raises `KernelRefused` if the kernel is wrong or cannot be interpreted."""
    draw = np.random.default_rng(secrets.randbits(128))
    hidden = Case(int(draw.integers(33, 41)), 1, 16 * int(draw.integers(1, 5)), True, "normal")
    given = {"language": candidate.language, "source": candidate.source}
    with suite.open_pair(given, runner.device(), runner, draw) as pair:
        pair.check([*INTERPRETED, hidden])
    sentence = "right at small sizes under Triton's interpreter; a time needs a GPU"
    return Gate(sentence, {"right at small sizes under Triton's interpreter": 1.0})


def resources(candidate: Candidate, runner: KernelRunner) -> Gate:
    """Compiles for the H100; raises `KernelRefused` if that fails or there is no compiler."""
    files = {"cuda_guest.py": (_HERE / "cuda_guest.py").read_bytes()}
    data = {"code": candidate.code, "flags": candidate.flags}
    try:
        with runner.open(Guest(files, "cuda_guest.py", data, "nvcc", NVCC)) as live:
            said = str(live.ask("compile", NVCC.wall_s).value)
    except GuestFailed as failed:
        raise suite.refusal("compile", failed) from None
    kernels = read(said)
    if not kernels:
        raise KernelRefused("compile", "nvcc found no __global__ function in it")
    measures: dict[str, float] = {}
    for kernel in kernels:
        measures[f"{kernel.name} registers"] = kernel.registers
        measures[f"{kernel.name} spilled bytes"] = kernel.spilled
        measures[f"{kernel.name} shared bytes"] = kernel.shared
    told = ", ".join(
        f"{kernel.name} takes {kernel.registers} registers, {kernel.shared} bytes of shared memory and spills "
        f"{kernel.spilled} bytes"
        for kernel in kernels
    )
    return Gate(f"compiles for sm_90a: {told}; a time needs a GPU", measures)


def read(said: str) -> list[Kernel]:
    """The kernels in the output of ptxas, together with the functions that they call."""
    kernels: list[Kernel] = []
    for line in said.splitlines():
        if entry := _ENTRY.search(line):
            kernels.append(Kernel(entry[1].partition("(")[0].removeprefix("void ")[:80]))
        if not kernels:
            continue
        if spills := _SPILLS.search(line):
            kernels[-1].spilled += int(spills[1]) + int(spills[2])
        if used := _USED.search(line):
            kernels[-1].registers = max(kernels[-1].registers, int(used[1]))
            kernels[-1].shared = int(shared[1]) if (shared := _SHARED.search(line)) else 0
    return kernels
