"""vLLM in an environment of its own, in the user's cache: its pins conflict with ours, so no extra can install it.

The user's pip installs it completely or not at all; `vllm:NAME` then uses it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

from domains import atomic, cache, pip
from domains.contract import DataMissing
from domains.retry import with_retries
from engine.errors import SiaError

VERSION = "0.33.0"
PINS = (f"vllm=={VERSION}",)
"""vLLM is pinned, since the endpoints that we use (adapters at run time, token ids in replies, structured outputs)
change between releases. It needs torch 2.14.0 and transformers below 5.21; our extras need torch 2.13.0 and
transformers from 5.24 on. pip resolves everything else."""
LEAST_DRIVER = 580
"""Torch 2.14 is built for CUDA 13, which needs this driver (NVIDIA, "CUDA Compatibility", minor versions)."""
DOWNLOAD_GB, DISK_GB, MINUTES = 4, 12, 10
"""Estimates: vLLM's own wheel has 0.34 GB; torch and its CUDA libraries are most of the rest."""
GB = 1e9
_WHOLE = "sia-whole"
Report = Callable[[str], None]


def folder() -> Path:
    """The environment's folder, whether it exists or not: one for each version of vLLM and of Python."""
    return cache.folder("vllm", f"{VERSION}-python{sys.version_info.major}.{sys.version_info.minor}")


def interpreter() -> Path | None:
    """The Python interpreter that has vLLM; None if the environment is missing or incomplete."""
    place = folder()
    return _python(place) if (place / _WHOLE).is_file() else None


def requirements() -> str:
    """What the installation needs, in one sentence."""
    return (
        f"vLLM {VERSION} goes into an environment of its own, {folder()}: about {DOWNLOAD_GB} GB to download, "
        f"{DISK_GB} GB of disk ({_free() / GB:.0f} GB free), about {MINUTES} minutes, and an NVIDIA GPU with "
        f"driver {LEAST_DRIVER} or later"
    )


def refusal(gpus: Sequence[str], driver: str) -> SiaError | None:
    """Why vLLM would not run or not fit on a machine with these GPUs and this driver ("" if unknown), or None."""
    anyway = "or pass --anyway to install it all the same"
    if not gpus:
        return SiaError("vLLM needs an NVIDIA GPU, and there is none here", f"use a machine that has one, {anyway}")
    if driver and int(driver.partition(".")[0]) < LEAST_DRIVER:
        return SiaError(
            f"vLLM {VERSION} needs NVIDIA's driver {LEAST_DRIVER} or later, and this machine has {driver}",
            f"update the driver, {anyway}",
        )
    if (free := _free()) < (DISK_GB + DOWNLOAD_GB) * GB:
        return SiaError(
            f"installing vLLM needs {DISK_GB + DOWNLOAD_GB} GB of disk, and {free / GB:.0f} GB are free",
            f"free space, set $SIA_CACHE to a folder on a larger disk, {anyway}",
        )
    return None


def make(report: Report, pins: Sequence[str] = PINS) -> Path:
    """The interpreter of the environment, which is installed unless it is complete; raises `SiaError`."""
    place = folder()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with cache.exclusive(place, report):
            if not interpreter():
                with_retries(lambda: _install(place, pins, report), report)
                os.sync()  # pip does not sync; the mark must not reach the disk before the files
                atomic.write(place / _WHOLE, "\n".join(pins).encode())
    except DataMissing as error:
        why = str(error).removesuffix(".")
        raise SiaError(f"vLLM could not be installed: {why}") from None
    except subprocess.CalledProcessError:
        raise SiaError(
            f"{sys.executable} cannot make an environment",
            "install the missing package (`apt install python3-venv`), and try again",
        ) from None
    except OSError as error:
        reason = error.strerror or error
        raise SiaError(
            f"the environment {place} cannot be written ({reason})", "set $SIA_CACHE to a folder elsewhere"
        ) from None
    return _python(place)


def _install(place: Path, pins: Sequence[str], report: Report) -> None:
    """Installs from scratch, since what an interrupted installation left cannot be trusted. pip caches downloads."""
    shutil.rmtree(place, ignore_errors=True)
    report(f"creating an environment in {place}")
    venv.create(place, with_pip=True, symlinks=True)
    pip.run(
        *("install", pins, "--only-binary", ":none:"),
        scratch=place,
        remedy="try again",
        python=str(_python(place)),
        report=report,
    )


def _python(place: Path) -> Path:
    return place / "bin" / "python"


def _free() -> int:
    """Free bytes on the disk of the environment."""
    return shutil.disk_usage(next(path for path in folder().parents if path.is_dir())).free
