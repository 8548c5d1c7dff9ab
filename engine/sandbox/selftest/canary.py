"""What a sandbox of this machine must not show: files planted for the purpose, and files that are there anyway.

A canary is a small file, planted beside this Python, in its environment, the home, the cache, the workspace and the
other usual places of a person's files, and removed after the probe. A harness that can read it can read what lies
beside it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from domains import cache
from engine.sandbox.confinement import packages
from engine.sandbox.confinement.view import View, homes, system

_FOLDERS = ("/home", "/root", "/usr/src", "/usr/local", "/usr/local/src", "/usr/share", "/opt", "/srv", "/var/lib", "/")
_HIDDEN = ("/etc/shadow", "/etc/hostname", "/sys/kernel", "/var/lib", "/root", "/home", "/boot", "/usr/src")
# of these a sandbox has its own
_INSIDE = (Path("/tmp"), Path("/etc/passwd"), Path("/etc/group"))  # noqa: S108
_INSIDE_TREES = (Path("/dev"), Path("/proc"), Path("/run"))
_MOST = 20


@contextlib.contextmanager
def planted(view: View) -> Iterator[list[str]]:
    """Plants a canary in each folder that must be hidden and can be written to, and removes them at the end.

    Not in folders whose content is somebody's record (a domain, a checkout): there `there` looks for what exists.
    """
    made: list[Path] = []
    try:
        for folder in _folders(view):
            with contextlib.suppress(OSError):
                _remove_stale(folder)
                canary = folder / f"{packages.CANARY}{os.getpid()}-{secrets.token_hex(4)}"
                with canary.open("x") as file:
                    made.append(canary)
                    canary.chmod(0o644)  # whatever the umask: its mode must not hide it
                    file.write(secrets.token_hex(8))
        yield [str(path) for path in made]
    finally:
        for path in made:
            with contextlib.suppress(OSError):
                path.unlink()


def there(view: View) -> list[str]:
    """Files and folders of this machine that must be absent inside: system folders, what lies in the current folder,
    and the neighbours of each visible path, at most 20 a folder."""
    around = view.folders()
    visible = {*around, *view.masks, *view.links}
    found = [path for path in map(Path, _HIDDEN) if path not in visible]
    for folder in (*sorted(around), Path()):
        with contextlib.suppress(OSError):  # a folder that may be entered but not listed, or is gone
            entries = sorted(folder.absolute().iterdir())
            entries = [path for path in entries if not path.name.startswith(packages.CANARY)]
            found += [path for path in entries if path not in visible and not view.shows(path)][:_MOST]
    mine = (path for path in dict.fromkeys(found) if not any(map(path.is_relative_to, _INSIDE_TREES)))
    return [str(path) for path in mine if path not in _INSIDE]


def _folders(view: View) -> list[Path]:
    places = [Path(sys.executable).parent, Path(sys.prefix), Path(sys.base_prefix), Path(sys.base_prefix, "lib")]
    places += [*homes(), Path(tempfile.gettempdir()), cache.folder()]
    places += [Path(os.environ.get("SIA_WORKSPACE") or ".sia").expanduser(), *packages.site_folders()]
    places += [*view.folders(), *map(Path, _FOLDERS)]
    shown = [path.resolve() for path in system()]
    found = dict.fromkeys(path.resolve() for path in places if not _recorded(path))
    return [path for path in found if not any(path.is_relative_to(one) for one in shown)]


def _recorded(folder: Path) -> bool:
    """Whether every file of this folder is recorded by something: a domain's digest, git."""
    return any(os.path.lexists(folder / name) for name in ("domain.toml", "domain.py", ".git"))


def _remove_stale(folder: Path) -> None:
    """Removes the canaries of processes that were killed."""
    for path in folder.glob(f"{packages.CANARY}*"):
        pid = path.name.removeprefix(packages.CANARY).partition("-")[0]
        if pid.isdigit() and not Path("/proc", pid).exists():
            path.unlink(missing_ok=True)
