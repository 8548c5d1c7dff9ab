"""A peer's environment: its pinned packages alone, made at the first use and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from domains import atomic, cache, pip
from domains.contract import DataMissing, Report
from domains.retry import with_retries

_WHOLE = "sia-whole"


class NotInstalled(Exception):
    """A peer's packages cannot be had here; the message says why."""


def folder(name: str, pins: Sequence[str]) -> Path:
    """The environment's folder, whether it exists or not: one for each set of pins and version of Python."""
    told = hashlib.sha256("\n".join(pins).encode()).hexdigest()[:12]
    return cache.folder("arena", f"{name}-{told}-python{sys.version_info.major}.{sys.version_info.minor}")


def make(name: str, pins: Sequence[str], report: Report) -> Path:
    """The interpreter of the environment with `pins`; raises `NotInstalled`."""
    place = folder(name, pins)
    python = place / "bin" / "python"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with cache.exclusive(place, report):
            if not (place / _WHOLE).is_file():
                with_retries(lambda: _install(place, python, pins, report), report)
                os.sync()  # the mark must not reach the disk before the files
                atomic.write(place / _WHOLE, "\n".join(pins).encode())
    except (DataMissing, OSError, subprocess.CalledProcessError) as error:
        raise NotInstalled(" ".join(str(error).split())) from None
    return python


def _install(place: Path, python: Path, pins: Sequence[str], report: Report) -> None:
    shutil.rmtree(place, ignore_errors=True)
    report(f"installing {', '.join(pins)} in {place}")
    venv.create(place, with_pip=True, symlinks=True)
    pip.run(
        "install",
        pins,
        *("--only-binary", ":none:"),
        scratch=place,
        remedy="try again",
        python=str(python),
        report=lambda _: None,
    )
