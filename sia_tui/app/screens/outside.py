"""The user's own programs in the app's terminal: an editor, a pager, a difftool."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from textual.app import SuspendNotSupported
from textual.screen import Screen

from engine.errors import SiaError
from harness_repo.harness import HarnessInvalid, check_path


def editor() -> str:
    """The user's editor: `$VISUAL`, `$EDITOR`, or vi."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"


def viewer() -> str:
    """What shows a file that is only read: the editor that the user has named, else the pager, else less."""
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or os.environ.get("PAGER") or "less"


def difftool() -> str:
    """The command that shows two folders beside each other, if the user's own git has a `diff.tool`; else empty.

    Settings of a repository in the current folder do not count: they are not the user's.
    """
    if shutil.which("git") is None:
        return ""
    for name in ("diff.tool", "merge.tool"):
        asked = subprocess.run(["git", "config", "--global", name], capture_output=True, check=False, cwd="/")
        if asked.returncode == 0:
            return "git difftool --no-index --no-prompt"
    return ""


def check_files(files: Mapping[str, bytes], title: str) -> None:
    """Raises `SiaError` where a path of the files of `title` could lead out of the folder that they are written to."""
    try:
        for path in files:
            check_path(path)
    except HarnessInvalid as error:  # the log is not one that sia wrote
        raise SiaError(f"{title} cannot be opened: {error}", "do not trust this workspace") from None


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files that were checked."""
    for path, content in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)


def read_only(files: Mapping[str, bytes], title: str) -> Path:
    """A new folder with `files`, which cannot be written; it is kept until the app ends."""
    check_files(files, title)
    folder = Path(tempfile.mkdtemp(dir=_kept().name))
    write_files(folder, files)
    for place in folder.rglob("*"):
        if place.is_file():
            place.chmod(0o400)
    return folder


@cache
def _kept() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="sia-read-")  # an editor may return before it has read its file


def run(screen: Screen[Any], command: str, places: Sequence[Path]) -> None:
    """Gives the terminal to `command` with `places` until it ends; says why where it does not start."""
    folder = places[0].parent
    apart = os.environ | {"GIT_CEILING_DIRECTORIES": str(folder.parent)}  # git looks for no repository above it
    try:
        with screen.app.suspend():
            subprocess.run([*shlex.split(command), *map(str, places)], check=False, cwd=folder, env=apart)
    except (OSError, ValueError) as error:
        screen.notify(f"{command} did not start ({error}); set $EDITOR", severity="error", markup=False)
    except SuspendNotSupported:
        where = ", ".join(map(str, places))
        screen.notify(f"No program can be opened here; the files are in {where}", severity="warning", markup=False)
