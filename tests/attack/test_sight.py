"""What a harness must not see: files, keys, the network, other processes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.sandbox import Isolation
from tests.attack.attacking import Bare, run

READ = """
def solve(instance, ctx):
    with open(instance.data) as file:
        return file.read()
"""
ENVIRONMENT = """
import os
def solve(instance, ctx):
    found = dict(os.environ)
    seen = set()  # a busy machine has many processes with one environment, and an answer is bounded
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/environ") as file:
                found[pid] = "\\0".join(words := set(file.read().split("\\0")) - seen)
                seen |= words
        except OSError:
            pass
    return found
"""
CONNECT = """
import socket
def solve(instance, ctx):
    with socket.create_connection(("127.0.0.1", instance.data), timeout=2):
        return "connected"
"""
ABSTRACT = """
import socket
def solve(instance, ctx):
    with socket.socket(socket.AF_UNIX) as client:
        client.connect("\\0" + instance.data)
        return "connected"
"""
PROCESSES = """
import os
def solve(instance, ctx):
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]
"""
WRITE = """
import os
FOLDERS = ["/", "/tmp", "/dev", "/dev/shm", "/usr", "/etc", "/run", "/proc/sys/kernel", os.path.dirname(__file__)]
def solve(instance, ctx):
    written = []
    for folder in FOLDERS:
        try:
            with open(os.path.join(folder, "planted"), "w"):
                written.append(folder)
        except OSError:
            pass
    return written
"""
WATCH = """
import ctypes, fcntl, os
libc = ctypes.CDLL(None)
def solve(instance, ctx):
    watched = libc.inotify_add_watch(libc.inotify_init1(0), instance.data.encode(), 0x20)
    try:
        fcntl.fcntl(os.open(instance.data, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError:
        return [watched > 0, False]
    return [watched > 0, True]
"""


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "labels.json"
    path.write_text("the labels")
    for folder in (path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid():
            folder.chmod(folder.stat().st_mode | 0o555)
    return path


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_files_of_the_host_are_absent(isolation: Isolation, bare: Bare, secret: Path) -> None:
    assert bare(READ, str(secret)).answer == "the labels"
    outcome = run(READ, [str(secret)], isolation)["0"]
    assert outcome.failure is not None
    assert outcome.failure.message.startswith("FileNotFoundError")


@pytest.mark.parametrize(
    "path", ["/etc/shadow", "/etc/hostname", *(f"/proc/1/{link}/etc/hostname" for link in ("root", "cwd"))]
)
def test_the_system_s_own_files_are_absent(isolation: Isolation, path: str) -> None:
    outcome = run(READ, [path], isolation)["0"]
    assert outcome.failure is not None
    assert outcome.failure.kind == "candidate"


def test_our_packages_are_absent(isolation: Isolation, bare: Bare) -> None:
    contract = str(Path(__file__).parents[2] / "domains" / "contract.py")
    assert bare(READ, contract).failure is None
    assert run(READ, [contract], isolation)["0"].failure is not None
    imports = "def solve(instance, ctx):\n    import engine\n"
    failure = run(imports, [None], isolation)["0"].failure
    assert failure is not None
    assert failure.message.startswith("ModuleNotFoundError")


def test_keys_in_the_environment_are_absent(isolation: Isolation, monkeypatch: pytest.MonkeyPatch, bare: Bare) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-secret")
    # /proc/PID/environ of this process was fixed when it started: look for a word that it holds.
    word = Path("/proc/self/environ").read_text().split("\0")[0]
    assert word in str(bare(ENVIRONMENT, None).answer)
    seen = run(ENVIRONMENT, [None], isolation)["0"].answer
    assert "sk-secret" not in str(seen)
    assert word not in str(seen)
    assert {"PYTHONHASHSEED", "HOME", "PATH"} <= set(seen) <= {
        "PATH", "LANG", "HOME", "TMPDIR", "PWD", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
        "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", *filter(str.isdigit, seen),
    }  # fmt: skip


def test_the_network_is_absent(isolation: Isolation, bare: Bare, listener: int) -> None:
    assert bare(CONNECT, listener).answer == "connected"
    assert run(CONNECT, [listener], isolation)["0"].failure is not None


def test_abstract_sockets_of_the_host_are_absent(isolation: Isolation, bare: Bare) -> None:
    name = f"sia-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0" + name)
        server.listen()
        assert bare(ABSTRACT, name).answer == "connected"
        assert run(ABSTRACT, [name], isolation)["0"].failure is not None


def test_files_that_the_host_uses_are_neither_watched_nor_leased(
    isolation: Isolation, bare: Bare, tmp_path: Path
) -> None:
    (tmp_path / "own").touch()
    assert bare(WATCH, str(tmp_path / "own")).answer == [True, True]
    (outcome,) = run(WATCH, [os.__file__], isolation).values()
    assert outcome.answer == [False, False]


def test_processes_of_the_host_are_absent(isolation: Isolation, bare: Bare) -> None:
    assert os.getpid() in bare(PROCESSES, None).answer
    assert len(run(PROCESSES, [None], isolation)["0"].answer) < 8


def test_nothing_but_the_scratch_folder_can_be_written(isolation: Isolation) -> None:
    assert run(WRITE, [None], isolation)["0"].answer == []
