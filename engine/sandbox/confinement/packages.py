"""Which entries of a folder belong to installed packages, by the records that their installer left.

pip, uv and others list every file of a package in `NAME.dist-info/RECORD` (PEP 376, PEP 627); older ones leave a
`top_level.txt` in `NAME.egg-info`; conda lists them in `conda-meta/NAME.json`. An entry that no record names is not a
package, but somebody's own files in a folder of packages.
"""

from __future__ import annotations

import contextlib
import functools
import os
import re
import site
import sys
from pathlib import Path

import msgspec

CANARY = ".sia-canary-"
"""How the names of canaries begin, before the id of the process that has planted them: `engine.sandbox.selftest`."""
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


def strays(folder: Path, base: Path) -> list[Path]:
    """The entries of a folder of packages that no package put there, and our own packages.

    `base` is the folder of this Python, which in a conda environment has records of its own.
    """
    # a canary of another process may be gone before a sandbox has started that is to hide it
    entries = [path for path in folder.iterdir() if not path.name.startswith(CANARY) or _is_mine(path)]
    known = _recorded(tuple(path for path in entries if path.suffix in _INFO)) | _conda(folder, base)
    return [path for path in entries if path.name in OURS or not (path.name in known or path.suffix == ".pth")]


def _is_mine(canary: Path) -> bool:
    return canary.name.startswith(f"{CANARY}{os.getpid()}-")


def library_strays(folder: Path) -> list[Path]:
    """The entries of a standard library's folder that are not part of it, such as an unused folder of packages."""
    return [
        path
        for path in folder.iterdir()
        if path.name.partition(".")[0] not in _LIBRARY and not path.name.startswith(("_sysconfigdata", "config-"))
    ]


def conda_strays(folder: Path, base: Path) -> list[Path]:
    """The entries of a folder of a conda environment that no package put there."""
    known = _conda(folder, base)
    return [path for path in folder.iterdir() if path.name not in known]


def is_conda(base: Path) -> bool:
    """Whether `base` is a conda environment."""
    return (base / "conda-meta").is_dir()


@functools.lru_cache
def _recorded(infos: tuple[Path, ...]) -> frozenset[str]:
    found = {"__pycache__", "_virtualenv.py", *(path.name for path in infos)}
    for info in infos:
        for record in _RECORDS:
            with contextlib.suppress(OSError, ValueError):
                first = set(_FIRST.findall((info / record).read_text("utf-8")))
                found |= first | {f"{name}.py" for name in first}  # a `top_level.txt` names modules
    return frozenset(found)


def _conda(folder: Path, base: Path) -> frozenset[str]:
    if not (is_conda(base) and folder.is_relative_to(base)):
        return frozenset()
    return _first_below(f"{folder.relative_to(base)}/", tuple(sorted((base / "conda-meta").glob("*.json"))))


@functools.lru_cache
def _first_below(prefix: str, records: tuple[Path, ...]) -> frozenset[str]:
    found = set()
    for record in records:
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            files = msgspec.json.decode(record.read_bytes(), type=_Conda).files
            found |= {file.removeprefix(prefix).partition("/")[0] for file in files if file.startswith(prefix)}
    return frozenset(found)
