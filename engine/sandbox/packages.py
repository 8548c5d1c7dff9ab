"""Which entries of a folder belong to installed packages, by the records that their installer left.

pip, uv and others list every file of a package in `NAME.dist-info/RECORD` (PEP 376, PEP 627); older ones leave a
`top_level.txt` in `NAME.egg-info`; conda lists them in `conda-meta/NAME.json`. An entry that no record names is not a
package: somebody's files, in a folder that happens to hold packages too.
"""

from __future__ import annotations

import contextlib
import functools
import re
import site
import sys
from pathlib import Path

import msgspec

OURS = frozenset(("sia_tui", "engine", "harness_repo", "domains"))
_LIBRARY = sys.stdlib_module_names | {"__pycache__", "lib-dynload", "test", "LICENSE", "__hello__", "__phello__"}
_INFO = (".dist-info", ".egg-info")
_RECORDS = ("RECORD", "installed-files.txt", "top_level.txt")
_FIRST = re.compile(r'^"?(?:\.\./)?([^/,"\n]+)', re.MULTILINE)  # the first part of each path


class _Conda(msgspec.Struct):
    files: list[str] = []


def site_folders() -> list[Path]:
    """The folders of installed packages that this Python searches when it is started in a sandbox."""
    found = [*map(Path, site.getsitepackages()), *map(Path, user_folders())]
    searched = {Path(entry) for entry in sys.path if entry}
    return [folder for folder in dict.fromkeys(found) if folder in searched and folder.is_dir()]


def user_folders() -> list[str]:
    """Package folders that `python -s` does not search: those of `pip install --user`."""
    user = site.getusersitepackages()
    return [user] if user in sys.path and Path(user).is_dir() else []


def strays(folder: Path) -> list[Path]:
    """The entries of a folder of packages that no package put there, and our own packages."""
    entries = list(folder.iterdir())
    recorded = _recorded(tuple(path for path in entries if path.suffix in _INFO))
    return [path for path in entries if path.name in OURS or not (path.name in recorded or path.suffix == ".pth")]


def library_strays(folder: Path) -> list[Path]:
    """The entries of a standard library that are not of it; an unused folder of packages is one of them."""
    return [
        path
        for path in folder.iterdir()
        if path.name.partition(".")[0] not in _LIBRARY and not path.name.startswith(("_sysconfigdata", "config-"))
    ]


def conda_strays(folder: Path, records: Path) -> list[Path]:
    """The entries of `lib` in a conda environment that no package put there; `records` is its `conda-meta`."""
    known = _conda(folder.name, records, records.stat().st_mtime_ns)
    return [path for path in folder.iterdir() if path.name not in known]


@functools.lru_cache
def _recorded(infos: tuple[Path, ...]) -> frozenset[str]:
    found = {"__pycache__", *(path.name for path in infos)}
    for info in infos:
        for record in _RECORDS:
            with contextlib.suppress(OSError, ValueError):
                first = set(_FIRST.findall((info / record).read_text("utf-8")))
                found |= first | {f"{name}.py" for name in first}  # a `top_level.txt` names modules
    return frozenset(found)


@functools.lru_cache
def _conda(name: str, records: Path, _changed: int) -> frozenset[str]:
    found = set()
    for record in records.glob("*.json"):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            for file in msgspec.json.decode(record.read_bytes(), type=_Conda).files:
                first, _, rest = file.partition("/")
                if first == name:
                    found.add(rest.partition("/")[0])
    return frozenset(found)
