"""What is visible in a sandbox: the command line of bubblewrap, with only what this interpreter needs.

Visible: this Python with its packages, /usr, a few files of /etc, the harness, its own processes, and a scratch folder
of limited size for each slot. Hidden: home folders, the workspace, the cache, /sys, /run, /var, our own packages. Only
the scratch folders are writable; /tmp and /dev/shm are not, or one `solve` could leave files there for the next. A
program whose jobs each have their own sandbox may ask for a writable /tmp and /dev/shm (`writable_tmp`).
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
_HIDDEN_PATHS = ("/etc/shadow", "/etc/hostname", "/sys/kernel", "/var/lib", "/root", "/home", "/boot")
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
    writable_tmp: bool = False,
) -> list[str]:
    """The arguments that start the worker; `files` maps paths inside the sandbox to open descriptors, and `folders`
    maps names below `INSIDE_FOLDERS` to folders of this machine.

    `identity` says how the worker becomes nobody. `real`: started by root, it changes to uid 65534 before any harness
    code runs. `user`: an ordinary user is mapped to 65534 in a user namespace. `mapped`: the same for root, so that the
    kernel still treats it as root; only for machines where `real` does not work.
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
    words += [*room, "/tmp"] if writable_tmp else []  # noqa: S108  (before this Python, which may lie below it)
    words += _software()
    words += ["--dev", "/dev", "--proc", "/proc"]
    words += [word for node in devices for word in ("--dev-bind", node, node)]
    words += ["--ro-bind", str(WORKER), INSIDE_WORKER]
    words += _folders(sorted({parent for file in files for parent in _parents(Path(file))}))
    for file, descriptor in files.items():
        words += ["--perms", "0444", "--file", str(descriptor), file]
    words += _folders([Path(INSIDE_FOLDERS)])
    for name, folder in folders.items():
        words += ["--ro-bind", folder, f"{INSIDE_FOLDERS}/{name}"]
    for folder in [*scratch, *(["/dev/shm"] if writable_tmp else [])]:  # noqa: S108  (inside)
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
    """This Python and its packages, without our own."""
    binds = list(_interpreter())
    words = _folders(dict.fromkeys(parent for bind in binds for parent in _parents(bind)))
    for path in binds:
        words += ["--ro-bind", str(path.resolve()), str(path)]
    for path in _own_packages(binds):
        words += ["--perms", "0555", "--tmpfs", str(path), "--remount-ro", str(path)]
    return words


def interpreter() -> list[str]:
    """The command of this Python, without the user's site folder and the script's folder on its path."""
    return [sys.executable, "-s", "-P"]


def packages() -> list[str]:
    """Package folders that this command does not search: those of `pip install --user`."""
    user = site.getusersitepackages()
    return [user] if user in sys.path and Path(user).is_dir() else []


def hidden_paths() -> list[str]:
    """Paths of this machine that must not be visible inside: system folders, and the neighbours of this Python and of
    each folder above it (a home folder, a checkout, a cache), at most 20 a folder."""
    binds = list(_interpreter())
    visible = {*binds, *(parent for bind in binds for parent in _parents(bind))}
    found = [path for path in map(Path, _HIDDEN_PATHS) if path.exists() and path not in visible]
    for folder in sorted(visible - set(binds)):
        with contextlib.suppress(OSError):  # a folder that may be entered but not listed
            found += sorted(set(folder.iterdir()) - visible)[:20]
    return list(map(str, found))


def _interpreter() -> Iterator[Path]:
    """What to bind so that `sys.executable` and its packages work under the same paths inside."""
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


def _own_packages(binds: Iterable[Path]) -> Iterator[Path]:
    """Our own packages below a bound folder: they are hidden, since labels may lie beside them."""
    roots = [Path(folder) for folder in sys.path if folder]
    bound = [Path("/usr"), *binds]
    for root in dict.fromkeys(roots):
        for name in _OURS:
            path = root / name
            if path.is_dir() and any(path.is_relative_to(bind) for bind in bound):
                yield path


def _folders(paths: Iterable[Path]) -> list[str]:
    """Creates these folders: bwrap would make the parents of a bind unreadable to others."""
    return [word for path in paths for word in ("--perms", "0755", "--dir", str(path))]


def _parents(path: Path) -> list[Path]:
    return list(reversed(path.parents))[1:]
