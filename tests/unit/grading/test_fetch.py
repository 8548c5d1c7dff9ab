"""Fetching: a process of its own with the network, ended afterwards; whatever grades never has one."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.domain_check.examination import examine
from engine.domain_check.finding import Finding
from engine.errors import SiaError
from engine.grading.client import Grader, GraderFailed
from engine.grading.fetch import fetch
from engine.grading.loader import Folder, find
from engine.run.domain_session import describe
from engine.sandbox import Isolation
from tests.fakes import package_index
from tests.fakes.package_index import BreaksOff, PackageIndex, Script, Trouble, wheel
from tests.fakes.serving import ROOT

DOMAIN = """
import os, socket, sys
from pathlib import Path
from domains import cache, pip
from domains.contract import DataMissing, Grade, Instance, Summary

def network():
    try:
        socket.create_connection(("127.0.0.1", int(Path(__file__).with_name("port").read_text())), 5).close()
        return "network"
    except OSError:
        return "none"

class D:
    def digest(self): return "1"
    def instances(self, split): return [Instance(split + "-1", 3, label=network())]
    def grade(self, instance, answer): return Grade(float(network() == "network"), detail=" ".join(os.environ))
    def summarise(self, split, graded): return Summary()
    def baselines(self, train, on): return {"b": [0]}

def load(data):
    if not cache.folder("thing").exists():
        raise DataMissing("there is no thing yet: run `sia data get d`.")
    return D()

def fetch(report):
    report(f"fetching as {os.getpid()}, {network()}")
    report(" ".join(os.environ))
    def make(fresh):
        fresh.write_bytes(pip.wheel("thing==1", fresh.parent).read_bytes())
    return cache.once(cache.folder("thing"), make, report=report)
"""


@pytest.fixture
def port() -> Iterator[int]:
    """A server on this machine that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def folder(tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch) -> Folder:
    """A domain whose data is a wheel from pip's index; the cache is empty."""
    home = tmp_path / "d"
    home.mkdir()
    spec = 'name = "d"\ntitle = "t"\nmetric = "m"\nminimum_effect = 0.1\ntrain_sample = 1\ngrade_wall_s = 5\n'
    (home / "domain.toml").write_text(spec)
    (home / "domain.py").write_text(DOMAIN)
    (home / "port").write_text(str(port))
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    return find(str(home))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    found = tmp_path / "files"
    found.mkdir()
    wheel(found, "thing", "1", {"thing.py": b"x" * 300_000})
    return found


@contextlib.contextmanager
def serving(
    files: Path, monkeypatch: pytest.MonkeyPatch, script: Script = package_index.well
) -> Iterator[PackageIndex]:
    with PackageIndex(script, files=files) as index:
        for name, value in index.environment.items():
            monkeypatch.setenv(name, value)
        yield index


def left(tmp_path: Path) -> list[str]:
    """What is in the cache, but for locks."""
    return sorted(path.name for path in (tmp_path / "cache").glob("*") if not path.name.endswith(".lock"))


def test_data_that_is_missing_is_fetched_with_the_network(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    with serving(files, monkeypatch):
        _, counts, _ = asyncio.run(describe(folder, None, said.append))
    assert counts == {"train": 1, "val": 1, "test": 1}
    assert said[0] == "fetching the data of d"
    assert said[1].endswith(", network")


def test_whatever_grades_has_no_network_before_and_after_a_fetch_and_when_started_again(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> list[float]:
        grader = Grader(folder)
        found = []
        try:
            with pytest.raises(SiaError, match="no thing yet"):
                await grader.describe()
            with pytest.raises(GraderFailed, match="AttributeError"):
                await grader._call("fetch", timeout=5)  # it knows no such operation
            await fetch(folder, None, lambda _: None)
            for _ in range(2):
                found.append((await grader.grade("train", "train-1", 0)).score)
                found.append(float((await grader.instances("train"))[0].label == "network"))
                await grader.close()
        finally:
            await grader.close()
        return found

    with serving(files, monkeypatch):
        assert asyncio.run(go()) == [0.0] * 4


def test_the_process_that_fetched_is_gone(folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    with serving(files, monkeypatch):
        asyncio.run(fetch(folder, None, said.append))
    process = int(said[1].split()[2].removesuffix(","))
    assert not Path(f"/proc/{process}").exists()


def test_settings_of_pip_proxies_and_keys_reach_what_fetches_and_not_what_grades(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"PIP_INDEX_URL", "PIP_CERT", "http_proxy", "HTTPS_PROXY", "no_proxy", "SOME_KEY", "SSL_CERT_FILE"}
    for name in names:
        monkeypatch.setenv(name, "127.0.0.1" if name == "no_proxy" else "")
    said: list[str] = []

    async def detail() -> str:
        grader = Grader(folder)
        try:
            return (await grader.grade("train", "train-1", 0)).detail
        finally:
            await grader.close()

    with serving(files, monkeypatch):
        asyncio.run(fetch(folder, None, said.append))
        assert names <= set(said[2].split())
        seen = set(asyncio.run(detail()).split())
    assert "SIA_CACHE" in seen
    assert not names & seen


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (package_index.refuses_two, "No matching distribution found for thing==1: trying again in 1 s"),
        (package_index.lacks_for_a_while, "No matching distribution found for thing==1: trying again in 1 s"),
        (BreaksOff(), "the download is incomplete"),
    ],
    ids=["refuses", "lacks", "breaks off"],
)
def test_an_index_that_refuses_for_a_while_is_asked_again(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch, script: Script, says: str
) -> None:
    said: list[str] = []
    with serving(files, monkeypatch, script):
        got = asyncio.run(fetch(folder, None, said.append))
    assert got.read_bytes() == next(files.iterdir()).read_bytes()
    assert any(says in line for line in said), said


def test_what_is_refused_for_good_is_told_at_once(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def gone(asked: object) -> Trouble:
        return Trouble(404) if "/files/" in str(asked) else Trouble()

    said: list[str] = []
    with serving(files, monkeypatch, gone), pytest.raises(SiaError, match=r"404.*check the package index"):
        asyncio.run(fetch(folder, None, said.append))
    assert not any("trying again" in line for line in said)
    assert left(tmp_path) == []


RESET = """
def fetch(report):
    tried = Path(__file__).with_name("tried")
    if tried.exists():
        return "/"
    tried.touch()
    raise ConnectionResetError(104, "reset by peer")
"""


def test_a_domain_of_ones_own_that_meets_a_broken_network_is_asked_again(folder: Folder) -> None:
    with (folder.path / "domain.py").open("a") as code:
        code.write(RESET)
    said: list[str] = []
    assert asyncio.run(fetch(folder, None, said.append)) == Path("/")
    assert said == ["fetching the data of d", "reset by peer: trying again in 1 s"]


COMMAND = "import asyncio, sys; from engine.grading.fetch import fetch; from engine.grading.loader import find; \
print(asyncio.run(fetch(find(sys.argv[1]), None, lambda line: print(line, flush=True))), flush=True)"


def started(folder: Folder) -> subprocess.Popen[str]:
    words = [sys.executable, "-P", "-c", COMMAND, str(folder.path)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def running(index: PackageIndex) -> set[int]:
    """The processes that have this index in their environment, without this one."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if index.url.encode() in (process / "environ").read_bytes():
                found.add(int(process.name))
    return found - {os.getpid()}


def wait(until: object, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not until():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_an_engine_that_is_killed_in_the_middle_takes_all_along_and_leaves_nothing_whole(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hold, asked = threading.Event(), threading.Event()

    def held(request: object) -> Trouble:
        if "/files/" in str(request):
            asked.set()
            hold.wait(30)
        return Trouble()

    with serving(files, monkeypatch, held) as index:
        first = started(folder)
        assert asked.wait(30)
        assert len(running(index)) >= 3  # the engine, what fetches, pip
        os.kill(first.pid, signal.SIGKILL)
        first.communicate()
        wait(lambda: not running(index))
        assert not (tmp_path / "cache" / "thing").exists()
        hold.set()
        second = started(folder)
        second.communicate()
    assert second.returncode == 0
    assert left(tmp_path) == ["thing"]
    assert (tmp_path / "cache" / "thing").read_bytes() == next(files.iterdir()).read_bytes()


def test_two_that_fetch_at_once_both_have_it_and_it_is_fetched_once(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    hold = threading.Event()

    def held(request: object) -> Trouble:
        if "/files/" in str(request):
            hold.wait(30)
        return Trouble()

    with serving(files, monkeypatch, held) as index:
        both = [started(folder) for _ in range(2)]
        waits = [False, False]

        def listen(number: int) -> None:
            for line in both[number].stdout or ():
                if "another process" in line:
                    waits[number] = True
                    hold.set()

        threads = [threading.Thread(target=listen, args=[number]) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [process.wait() for process in both] == [0, 0]
        assert sum("/files/" in record.path for record in index.records) == 1
    assert sorted(waits) == [False, True]
    assert left(tmp_path) == ["thing"]


def test_a_fetch_that_is_given_up_ends_what_fetches(
    folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(files, monkeypatch, lambda _: Trouble(pause_s=5)) as index:

        async def go() -> None:
            await asyncio.wait_for(fetch(folder, None, lambda _: None), 2)

        with pytest.raises(TimeoutError):
            asyncio.run(go())
        wait(lambda: not running(index))


def first_finding(folder: Folder) -> Finding:
    """What `sia check` says first of a domain: whether it opens."""

    async def go() -> Finding:
        async for finding in examine(str(folder.path), None, isolation=Isolation.unsafe(), workers=1):
            return finding
        raise AssertionError("nothing was said")

    return asyncio.run(go())


def test_a_check_fetches_what_is_missing_too(folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(files, monkeypatch):
        found = first_finding(folder)
    assert (found.check, found.status) == ("contract", "pass")


def test_a_check_says_why_it_could_not_fetch(folder: Folder, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(files, monkeypatch, lambda asked: Trouble(403) if "/files/" in asked.path else Trouble()):
        found = first_finding(folder)
    assert (found.check, found.status) == ("contract", "fail")
    assert "403" in found.sentence
