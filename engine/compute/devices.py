"""The devices of this machine, read from the system: no torch, no measurement, no subprocess."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from collections.abc import Sequence
from pathlib import Path

MOST_THREADS = 16
_DRIVER = Path("/proc/driver/nvidia")
_VERSION = re.compile(r"Kernel Module.*?(\d+(?:\.\d+)+)")


def threads() -> int:
    """The number of threads for kernels on the processor: those this process may use, at most `MOST_THREADS`."""
    return min(len(os.sched_getaffinity(0)), MOST_THREADS)


def nodes(folder: Path = Path("/dev")) -> Sequence[str]:
    """The device nodes of NVIDIA GPUs that a sandbox needs; empty without a GPU."""
    found = sorted(folder.glob("nvidia*"))
    return [str(path) for path in found if path.is_char_device() or path.name == "nvidia-caps"]


def gpus(driver: Path = _DRIVER, folder: Path = Path("/dev")) -> list[str]:
    """The names of NVIDIA GPUs from their driver; a generic name if only device nodes exist, as in some containers."""
    names = []
    for file in sorted(driver.glob("gpus/*/information")):
        with contextlib.suppress(OSError):
            lines = (line.partition(":") for line in file.read_text().splitlines())
            names += [value.strip() for key, _, value in lines if key.strip() == "Model"]
    return names or ["an NVIDIA GPU"] * (folder / "nvidia0").exists()


def driver_version(driver: Path = _DRIVER) -> str:
    """The version of NVIDIA's driver, for example 535.161.08; empty without a driver."""
    with contextlib.suppress(OSError):
        if found := _VERSION.search((driver / "version").read_text()):
            return found[1]
    return ""


def flags() -> frozenset[str]:
    """The processor's feature flags."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("flags"):
                return frozenset(line.partition(":")[2].split())
    return frozenset()


def processor() -> str:
    """The processor's model name, and its widest vector instructions."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    wide = next((known for known in ("avx512f", "avx2", "avx") if known in flags()), "")
    return f"{name} ({wide.removesuffix('f').upper()})" if wide else name
