"""What a sandbox sees: the command line of bubblewrap, made of what this interpreter needs and nothing more.

Seen: this Python with its packages, /usr, a few files of /etc, the harness, its own processes, one sized scratch
folder a slot. Not seen: home folders, the workspace, the cache, /sys, /run, /var, our own packages. Everything but
the scratch folders is read-only, /tmp and /dev/shm too: what one solve could leave there the next would find. Where
every job has a sandbox of its own, a program may ask for a writable /tmp and /dev/shm (`roomy`).
"""

from __future__ import annotations

import contextlib
import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

Identity = Literal["real", "user", "mapped"]

WORKER = Path(__file__).with_name("inside")
INSIDE_WORKER = "/run/sia/inside"
INSIDE_HARNESS = "/run/sia/harness"
INSIDE_SCRATCH = "/run/sia/scratch"
INSIDE_FOLDERS = "/run/sia/folders"
NOBODY = 65534
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108  (inside, and replaced by the scratch folder)
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
_OURS = ("sia_tui", "engine", "harness_repo", "domains")
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_UNSEEN = ("/etc/shadow", "/etc/hostname", "/sys/kernel", "/var/lib", "/root", "/home", "/boot")
_ETC = ("/etc/ld.so.cache", "/etc/alternatives")


def command(
    bwrap: str,
    identity: Identity,
    *,
    control: int,
    seccomp: int | None,
    files: Mapping[str, int],
    scratch: Iterable[str],
    disk_bytes: int,
    python: Sequence[str],
    devices: Sequence[str] = (),
    folders: Mapping[str, str] = {},
    roomy: bool = False,
) -> list[str]:
    """The arguments that start the worker; `files` maps paths inside the sandbox to open descriptors, and `folders`
    names below `INSIDE_FOLDERS` to folders of this machine.

    `identity` says how the worker comes to be nobody. `real`: started by root, it changes to uid 65534 before any
    foreign code runs. `user`: the caller is no root, and is called 65534 in a user namespace. `mapped`: the same
    for root, where the kernel still sees root; only for when `real` cannot work.
    """
    words = [bwrap, "--die-with-parent", "--new-session", "--unshare-pid", "--unshare-net", "--unshare-ipc"]
    words += ["--unshare-uts", "--unshare-cgroup-try", "--hostname", "sandbox", "--clearenv"]
    words += ["--cap-drop", "ALL"]
    if identity == "real":
        for capability in ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"):
            words += ["--cap-add", capability]
    else:
        words += ["--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)]
    for name, value in ENVIRONMENT.items():
        words += ["--setenv", name, value]
    room = ["--perms", "0777", "--size", str(disk_bytes), "--tmpfs"]
    words += _system()
    words += [*room, "/tmp"] if roomy else []  # noqa: S108  (before this Python, which may lie below it)
    words += _software()
    words += ["--dev", "/dev", "--proc", "/proc"]
    words += [word for node in devices for word in ("--dev-bind", node, node)]
    words += ["--ro-bind", str(WORKER), INSIDE_WORKER]
    words += _folders(sorted({parent for file in files for parent in _above(Path(file))}))
    for file, descriptor in files.items():
        words += ["--perms", "0444", "--file", str(descriptor), file]
    words += _folders([Path(INSIDE_FOLDERS)])
    for name, folder in folders.items():
        words += ["--ro-bind", folder, f"{INSIDE_FOLDERS}/{name}"]
    for folder in [*scratch, *(["/dev/shm"] if roomy else [])]:  # noqa: S108  (inside)
        words += [*room, folder]
    words += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
    if seccomp is not None:
        words += ["--seccomp", str(seccomp)]
    rights = "drop" if identity == "real" else "keep"
    return [*words, "--", *python, f"{INSIDE_WORKER}/__main__.py", str(control), rights, *packages()]


def _system() -> list[str]:
    words = [*_folders(map(Path, ("/tmp", "/etc", "/run", "/run/sia"))), "--ro-bind", "/usr", "/usr"]  # noqa: S108
    for path in map(Path, _SYSTEM):
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    for etc in filter(os.path.exists, _ETC):
        words += ["--ro-bind", etc, etc]
    return words


def _software() -> list[str]:
    """This Python and its packages, less our own."""
    binds = list(_interpreter())
    words = _folders(dict.fromkeys(parent for bind in binds for parent in _above(bind)))
    for path in binds:
        words += ["--ro-bind", str(path.resolve()), str(path)]
    for path in _ours(binds):
        words += ["--perms", "0555", "--tmpfs", str(path), "--remount-ro", str(path)]
    return words


def interpreter() -> list[str]:
    """This Python, without the user's site folder and without the script's folder on its path."""
    return [sys.executable, "-s", "-P"]


def packages() -> list[str]:
    """Folders of packages that the interpreter does not find by itself: `pip install --user`."""
    user = site.getusersitepackages()
    return [user] if user in sys.path and Path(user).is_dir() else []


def unseen() -> list[str]:
    """Paths of this machine that nothing inside may find: of the system, and of home folders, a checkout, a cache,
    where this Python lies in one: what is beside it and beside each folder above it, at most 20 paths of a folder."""
    binds = list(_interpreter())
    shown = {*binds, *(parent for bind in binds for parent in _above(bind))}
    found = [path for path in map(Path, _UNSEEN) if path.exists() and path not in shown]
    for folder in sorted(shown - set(binds)):
        with contextlib.suppress(OSError):  # one that may be entered but not listed
            found += sorted(set(folder.iterdir()) - shown)[:20]
    return list(map(str, found))


def _interpreter() -> Iterator[Path]:
    """What has to be bound so that `sys.executable` and its packages work at the paths that they have here."""
    found = [Path(sys.prefix), Path(sys.base_prefix), *map(Path, packages())]
    executable = Path(sys.executable)
    while executable.is_symlink():  # uv and pyenv reach the binary through links in other folders
        executable = executable.parent / executable.readlink()
        found.append(executable.parent.parent)
    home = Path.home().resolve()
    kept: list[Path] = []
    for path in sorted({Path(os.path.abspath(path)) for path in found}):  # noqa: PTH100  (links must stay links)
        real = path.resolve()
        if real == home or real in home.parents or path.is_relative_to("/usr"):
            continue
        if not any(path.is_relative_to(other) for other in kept):
            kept.append(path)
            yield path


def _ours(binds: Iterable[Path]) -> Iterator[Path]:
    """Our own packages where they lie below something bound: labels may be beside them."""
    roots = [Path(folder) for folder in sys.path if folder]
    seen = [Path("/usr"), *binds]
    for root in dict.fromkeys(roots):
        for name in _OURS:
            path = root / name
            if path.is_dir() and any(path.is_relative_to(bind) for bind in seen):
                yield path


def _folders(paths: Iterable[Path]) -> list[str]:
    """Made by us, because bwrap makes the parents of a bind unreadable to others."""
    return [word for path in paths for word in ("--perms", "0755", "--dir", str(path))]


def _above(path: Path) -> list[Path]:
    return list(reversed(path.parents))[1:]
