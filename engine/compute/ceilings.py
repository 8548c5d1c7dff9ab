"""Measures this machine's device and prints a `Device` as JSON. Run by `engine.compute.devices`.

The best of several tries counts: a ceiling is what is reached when nothing is in the way.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import msgspec

from domains.contract import Device
from engine.compute.devices import processor

SIDE = 2048
GPU_SIDE = 8192
BYTES = 1 << 27
TRIES = 8


def main() -> None:
    """The number of threads is the first argument."""
    threads = int(sys.argv[1])
    try:
        import torch
    except ImportError:
        device = _with_numpy(threads)
    else:
        device = _cuda(torch) if torch.cuda.is_available() else _processor(torch, threads)
    sys.stdout.buffer.write(msgspec.json.encode(device))


def _processor(torch: Any, threads: int) -> Device:
    torch.set_num_threads(threads)
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    source, target = torch.zeros(BYTES // 4), torch.zeros(BYTES // 4)
    product = _best(lambda: torch.mm(a, b))
    return _device(threads, product, _best(lambda: target.copy_(source)))


def _with_numpy(threads: int) -> Device:
    import numpy as np

    a = np.random.default_rng(0).standard_normal((SIDE, SIDE), dtype=np.float32)
    source, target = np.zeros(BYTES // 4, dtype=np.float32), np.zeros(BYTES // 4, dtype=np.float32)
    return _device(threads, _best(lambda: a @ a), _best(lambda: np.copyto(target, source)))


def _device(threads: int, product_s: float, copy_s: float) -> Device:
    return Device("cpu", processor(), 2 * SIDE**3 / product_s / 1e9, 2 * BYTES / copy_s / 1e9, threads)


def _cuda(torch: Any) -> Device:
    facts = torch.cuda.get_device_properties(0)
    a, b = (torch.randn(GPU_SIDE, GPU_SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    source, target = (torch.zeros(1 << 28, device="cuda") for _ in range(2))

    def timed(work: Callable[[], object]) -> Callable[[], object]:
        def run() -> None:
            work()
            torch.cuda.synchronize()

        return run

    product = _best(timed(lambda: torch.mm(a, b)))
    copied = _best(timed(lambda: target.copy_(source)))
    return Device(
        "cuda",
        facts.name,
        2 * GPU_SIDE**3 / product / 1e9,
        2 * 4 * source.numel() / copied / 1e9,
        memory_gb=facts.total_memory / 1e9,
        driver=f"CUDA {torch.version.cuda}, torch {torch.__version__}",
    )


def _best(work: Callable[[], object]) -> float:
    times = []
    for _ in range(TRIES):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
