"""What is visible in a sandbox: the command line of bubblewrap, with only what this interpreter needs.

Visible: the files that `view` allows, the harness, its own processes, and a scratch folder of limited size for each
slot. Only the scratch folders are writable; /tmp and /dev/shm are not, or one `solve` could leave files there for the
next. A program whose jobs each have their own sandbox may ask for a writable /tmp and /dev/shm (`writable_tmp`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from engine.sandbox.confinement import packages
from engine.sandbox.confinement.view import View, parents

Identity = Literal["real", "user", "mapped"]

WORKER = Path(__file__).parents[1] / "inside"
INSIDE_WORKER = "/run/sia/inside"
INSIDE_HARNESS = "/run/sia/harness"
INSIDE_SCRATCH = "/run/sia/scratch"
INSIDE_FOLDERS = "/run/sia/folders"
NOBODY = 65534
ENVIRONMENT = {
    "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/local/cuda/bin",
    "LANG": "C.UTF-8",
    "HOME": "/tmp",  # noqa: S108  (inside, and replaced by the scratch folder)
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def command(
    bwrap: str,
    identity: Identity,
    view: View,
    *,
    uid: int = NOBODY,
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

    `identity` says how the worker becomes nobody. `real`: started by root, it changes to `uid` before any harness code
    runs. `user`: an ordinary user is mapped to 65534 in a user namespace. `mapped`: the same for root, so that the
    kernel still treats it as root; only for machines where `real` does not work.
    """
    words = [
        bwrap,
        "--die-with-parent",
        "--new-session",
        "--unshare-pid",
        "--as-pid-1",
        "--unshare-net",
        "--unshare-ipc",
    ]
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
    words += _folders(map(Path, ("/tmp", "/etc", "/run", "/run/sia")))  # noqa: S108
    words += [*room, "/tmp"] if writable_tmp else []  # noqa: S108  (before this Python, which may lie below it)
    words += view.words()
    words += ["--dev", "/dev", "--proc", "/proc"]
    words += [word for node in devices for word in ("--dev-bind", node, node)]
    words += ["--ro-bind", str(WORKER), INSIDE_WORKER]
    words += _folders(sorted({parent for file in files for parent in parents(Path(file))}))
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
    rights = str(uid) if identity == "real" else "keep"
    return [*words, "--", *python, f"{INSIDE_WORKER}/__main__.py", str(control), rights, *packages.user_folders()]


def _folders(paths: Iterable[Path]) -> list[str]:
    """Creates these folders: bwrap would make the parents of a bind unreadable to others."""
    return [word for path in paths for word in ("--perms", "0755", "--dir", str(path))]
