"""Which device kernels run on here, and what it reaches at most: measured once, kept in the user's cache.

Measuring happens in a process of its own (`engine.compute.ceilings`), so that the caller never imports torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

import msgspec
import platformdirs

from domains.contract import Device
from engine.errors import SiaError

MEASURE_S = 120.0
MOST_THREADS = 16


def measured() -> Device:
    """The GPU where torch finds one, else the processor, with its ceilings. Takes seconds when first asked here.

    Raises `SiaError` where measuring fails.
    """
    file = _file()
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(file.read_bytes(), type=Device)
    command = [sys.executable, "-P", "-m", "engine.compute.ceilings", str(threads())]
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads()))}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=MEASURE_S, check=True)
        device = msgspec.json.decode(done.stdout, type=Device)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise SiaError(f"the device cannot be measured ({type(error).__name__})", "see `sia doctor`") from None
    with contextlib.suppress(OSError):  # it can be measured again
        file.parent.mkdir(parents=True, exist_ok=True)
        scratch = file.with_suffix(f".{os.getpid()}")
        scratch.write_bytes(msgspec.json.encode(device))
        scratch.replace(file)
    return device


def threads() -> int:
    """How many threads a kernel on the processor gets: what this process may use, up to `MOST_THREADS`."""
    return min(len(os.sched_getaffinity(0)), MOST_THREADS)


def nodes(folder: Path = Path("/dev")) -> Sequence[str]:
    """The device nodes of NVIDIA GPUs that a sandbox must see to use them; none where there is no GPU."""
    found = sorted(folder.glob("nvidia*"))
    return [str(path) for path in found if path.is_char_device() or path.name == "nvidia-caps"]


def _file() -> Path:
    """One file for each machine, number of threads and version of torch."""
    torch = metadata.version("torch") if importlib.util.find_spec("torch") else ""
    with contextlib.suppress(OSError):
        driver = Path("/proc/driver/nvidia/version").read_text()
        return _folder() / f"{_digest(driver, torch)}.json"
    return _folder() / f"{_digest(processor(), str(threads()), torch)}.json"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]


def _folder() -> Path:
    root = os.environ.get("SIA_CACHE")
    return (Path(root) if root else platformdirs.user_cache_path("sia")) / "compute"


def processor() -> str:
    """The processor by its maker's name, and the widest vectors that it computes with."""
    name, flags = platform.processor() or platform.machine(), ""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            if key.strip() == "flags":
                flags = value
                break
    wide = next((known for known in ("avx512f", "avx2", "avx") if f" {known}" in flags), "")
    return f"{name} ({wide.removesuffix('f').upper()})" if wide else name
