"""The grading process reaches nothing: neither through Python nor through what it starts."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import Folder, find
from tests.unit.grading.conftest import DOMAIN

KERNEL = "from engine.grading.network_isolation import isolate_network; raise SystemExit(0 if isolate_network() else 3)"


@pytest.fixture
def port() -> Iterator[int]:
    """A server on this machine that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def made(folder: Path, grade: str, load: str = "pass") -> Folder:
    spec = 'name = "d"\ntitle = "t"\nmetric = "m"\nminimum_effect = 0.1\ntrain_sample = 1\ngrade_wall_s = 5\n'
    (folder / "domain.toml").write_text(spec)
    (folder / "domain.py").write_text(DOMAIN.format(grade=grade, load=load))
    return find(str(folder))


def graded(folder: Folder) -> float | str:
    """The score of an answer, or what the grader said; and then whom it asked."""

    async def go() -> float | str:
        grader = Grader(folder)
        try:
            with contextlib.suppress(GraderFailed):
                return (await grader.grade("train", "train-1", 0)).score
            return ", ".join(await grader.network_attempts())
        finally:
            await grader.close()

    return asyncio.run(go())


def kernel_helps() -> bool:
    return subprocess.run([sys.executable, "-c", KERNEL], check=False).returncode == 0


def test_the_server_of_this_test_can_be_reached(port: int) -> None:
    socket.create_connection(("127.0.0.1", port), 5).close()


def test_a_grader_that_connects_is_refused_and_named(tmp_path: Path, port: int) -> None:
    connect = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5); return Grade(1.0)"
    assert graded(made(tmp_path, connect)) == f"127.0.0.1:{port}, 127.0.0.1:{port}"  # it is tried twice


def test_a_grader_that_looks_a_name_up_is_refused_and_named(tmp_path: Path) -> None:
    assert "example.invalid" in str(graded(made(tmp_path, "import socket; socket.gethostbyname('example.invalid')")))


def test_what_a_grader_starts_reaches_nothing_either(tmp_path: Path, port: int) -> None:
    if not kernel_helps():
        pytest.skip("this kernel gives a process no network namespace; only the audit hook is left")
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
    run = f"import subprocess; return Grade(float(subprocess.run([sys.executable, '-c', {code!r}]).returncode))"
    assert graded(made(tmp_path, run)) == 1.0


def test_sockets_within_the_machine_stay(tmp_path: Path) -> None:
    talk = "import socket; a, b = socket.socketpair(); a.send(b'x'); return Grade(float(len(b.recv(1))))"
    assert graded(made(tmp_path, talk)) == 1.0


def test_files_of_this_user_stay_readable(tmp_path: Path) -> None:
    secret = tmp_path / "mine"
    secret.write_text("7")
    secret.chmod(0o600)
    assert graded(made(tmp_path, f"return Grade(float(open({str(secret)!r}).read()))")) == 7.0
