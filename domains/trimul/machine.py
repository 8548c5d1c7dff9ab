"""The device that kernels are timed on, found without importing torch. It is part of the meaning of a score."""

from __future__ import annotations

import importlib.util
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path

_CUDA = re.compile(r"^cuda\b.*=\s*['\"]\d", re.MULTILINE)


def gpu(
    driver: Path = Path("/proc/driver/nvidia"),
    nodes: Path = Path("/dev"),
    environment: Mapping[str, str] = os.environ,
) -> str:
    """The name of the GPU that torch finds; empty without one, or if torch is built without CUDA."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.origin or environment.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1"):
        return ""
    try:
        built = _CUDA.search((Path(spec.origin).parent / "version.py").read_text())
        listed = "\n".join(file.read_text() for file in sorted(driver.glob("gpus/*/information")))
    except OSError:
        return ""
    if not built or not (listed or (nodes / "nvidia0").exists()):
        return ""
    found = re.search(r"^Model:\s*(.+?)\s*$", listed, re.MULTILINE)
    return found[1] if found else "an NVIDIA GPU"


def name() -> str:
    """The GPU, or the processor with its threads: scores of different ones are not comparable."""
    return gpu() or f"{_processor()}, threads: {len(os.sched_getaffinity(0))}"


def _processor() -> str:
    try:
        found = re.search(r"^model name\s*:\s*(.+?)\s*$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        found = None
    return found[1] if found else platform.machine()
