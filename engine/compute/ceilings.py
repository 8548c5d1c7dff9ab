"""Measures this machine's device once and prints a `Device` as JSON. Run by `engine.compute.ceilings_cache`.

A ceiling is the best of several tries: the speed without interference.
"""

from __future__ import annotations

import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from domains.contract import Device
from engine.compute import devices, interference

SIDE = 2048
GPU_SIDE = 8192
BYTES = 1 << 27
GPU_BYTES = 1 << 30
TRIES = 8
HALF = ("amx_bf16", "avx512_bf16")
"""Processors with one of these multiply bfloat16 faster than fp32."""


def main() -> None:
    """Measures with as many threads as the first argument says."""
    threads = int(sys.argv[1])
    read = interference.Reader()
    before = read()
    try:
        import torch
    except ImportError:
        device = _with_numpy(threads)
    else:
        device = _cuda(torch) if torch.cuda.is_available() else _processor(torch, threads)
    spent = interference.Counts().plus(before, read())
    if device.kind == "cpu":
        quiet = interference.share_of_others(spent, 1) <= interference.LIMIT
        device = msgspec.structs.replace(device, quiet=quiet)
    sys.stdout.buffer.write(msgspec.json.encode(device))


def _processor(torch: Any, threads: int) -> Device:
    torch.set_num_threads(threads)
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    source, target = torch.zeros(BYTES // 4), torch.zeros(BYTES // 4)
    peaks = {"fp32": _rate(_best(lambda: torch.mm(a, b)))}
    if devices.flags().intersection(HALF):
        c, d = a.bfloat16(), b.bfloat16()
        peaks["bf16"] = _rate(_best(lambda: torch.mm(c, d)))
    return _device(threads, peaks, _best(lambda: target.copy_(source)), f"torch {torch.__version__}")


def _with_numpy(threads: int) -> Device:
    import numpy as np

    a = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    source, target = np.zeros(BYTES // 4, dtype=np.float32), np.zeros(BYTES // 4, dtype=np.float32)
    peaks = {"fp32": _rate(_best(lambda: a @ a))}
    return _device(threads, peaks, _best(lambda: np.copyto(target, source)), f"numpy {np.__version__}")


def _device(threads: int, peaks: dict[str, float], copy_s: float, software: str) -> Device:
    gbs = 2 * BYTES / copy_s / 1e9
    return Device("cpu", devices.processor(), peaks["fp32"], gbs, threads, peaks=peaks, software=software)


def _cuda(torch: Any) -> Device:
    """Measures each dtype and a copy in GPU memory, timed with CUDA events."""
    facts = torch.cuda.get_device_properties(0)
    a, b = (torch.randn(GPU_SIDE, GPU_SIDE, device="cuda") for _ in range(2))
    peaks = {}
    for kind, precision in (("fp32", "highest"), ("tf32", "high")):
        torch.set_float32_matmul_precision(precision)
        peaks[kind] = _rate(_best_on_gpu(torch, lambda: torch.mm(a, b)), GPU_SIDE)
    for kind, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        halves = a.to(dtype), b.to(dtype)
        peaks[kind] = _rate(_best_on_gpu(torch, functools.partial(torch.mm, *halves)), GPU_SIDE)
    source, target = (torch.zeros(GPU_BYTES // 4, device="cuda") for _ in range(2))
    copied_s = _best_on_gpu(torch, lambda: target.copy_(source))
    return Device(
        "cuda",
        facts.name,
        peaks["fp32"],
        2 * GPU_BYTES / copied_s / 1e9,
        devices.threads(),
        facts.total_memory / 1e9,
        devices.driver_version(),
        peaks,
        f"torch {torch.__version__}, CUDA {torch.version.cuda}",
    )


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def _best_on_gpu(torch: Any, work: Callable[[], object]) -> float:
    times: list[float] = []
    for _ in range(TRIES):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        work()
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1e3)
    return min(times)


def _rate(seconds: float, side: int = SIDE) -> float:
    return 2.0 * float(side) ** 3 / seconds / 1e9


if __name__ == "__main__":
    main()
