"""The harness that `probe` runs: it inspects the sandbox from inside and tries what must fail."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
from pathlib import Path
from typing import Any

_SPACES = ("user", "pid", "net", "ipc", "uts", "mnt", "cgroup")
_CLONE_NEWUSER = 0x10000000


def solve(instance: Any, ctx: Any) -> dict[str, Any]:
    """What is visible and what is refused, by name."""
    with Path("/proc/self/status").open() as file:
        status = dict(line.split(":", 1) for line in file)
    size = os.statvfs(".")
    return {
        "uid": os.getresuid()[0],
        "capabilities": int(status["CapPrm"], 16) | int(status["CapEff"], 16) | int(status["CapBnd"], 16),
        "no_new_privileges": int(status["NoNewPrivs"]),
        "filtered": int(status["Seccomp"]) == 2,
        "spaces": {name: str(Path(f"/proc/self/ns/{name}").readlink()) for name in _SPACES},
        "unshare": _unshare(),
        "internet": _internet(),
        "writable": [folder for folder in ("/", "/dev", "/dev/shm", "/tmp", "/usr") if _writable(folder)],  # noqa: S108
        "scratch_bytes": size.f_blocks * size.f_frsize,
        "processes": sum(path.name.isdigit() for path in Path("/proc").iterdir()),
        "file_bytes": resource.getrlimit(resource.RLIMIT_FSIZE)[1],
        "seen": [_text(path) for path in _paths(instance.data["there"]) if path.exists()],
        "read": [_text(path) for path in _paths(instance.data["planted"]) if _readable(path)],
    }


def _paths(names: list[bytes]) -> list[Path]:
    return [Path(os.fsdecode(name)) for name in names]


def _text(path: Path) -> str:
    return os.fsencode(path).decode(errors="backslashreplace")  # a name is any bytes; an answer holds UTF-8


def _readable(path: Path) -> bool:
    try:
        return bool(path.read_bytes())
    except OSError:
        return False


def _unshare() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    return ctypes.get_errno() if libc.unshare(_CLONE_NEWUSER) else 0


def _internet() -> int:
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM).close()
    except OSError as error:
        return error.errno or errno.EIO
    return 0


def _writable(folder: str) -> bool:
    path = Path(folder, "probe")
    try:
        path.touch()
        path.unlink()
    except OSError:
        return False
    return True
