"""The fake of a package index: the real pip takes it for one, and its troubles are those that they are called."""

from __future__ import annotations

import os
import subprocess
import sys
import urllib.error
import urllib.request
from http.client import IncompleteRead
from pathlib import Path

import pytest

from tests.fakes import package_index, serving
from tests.fakes.package_index import BreaksOff, PackageIndex, Trouble, environment, wheel

WHEEL = "some_thing-1.2%2Bcpu-py3-none-any.whl"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with one wheel of 200 kB."""
    folder = tmp_path / "files"
    folder.mkdir()
    wheel(folder, "some-thing", "1.2+cpu", {"some_thing.py": b"x = 1\n" * 33000})
    return folder


def download(url: str, into: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", str(into)]
    return subprocess.run(
        [*command, "Some_Thing==1.2+cpu"],
        env={**os.environ, **environment(url), "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310
        return bytes(reply.read())


def test_pip_downloads_from_it(files: Path, tmp_path: Path) -> None:
    with PackageIndex(files=files) as index:
        done = download(index.url, tmp_path / "got")
        assert done.returncode == 0, done.stderr
        assert [record.path for record in index.records] == [
            "/simple/some-thing/",
            f"/files/{WHEEL}",
        ]
    assert (tmp_path / "got" / "some_thing-1.2+cpu-py3-none-any.whl").read_bytes() == next(files.iterdir()).read_bytes()


def test_it_stands_before_another_one_and_asks_it_once(files: Path, tmp_path: Path) -> None:
    with PackageIndex(files=files) as real:
        with PackageIndex(beyond=f"{real.url}/simple", kept=tmp_path / "kept") as index:
            for into in ("first", "second"):
                done = download(index.url, tmp_path / into)
                assert done.returncode == 0, done.stderr
            with pytest.raises(urllib.error.HTTPError, match="404"):
                get(f"{index.url}/simple/nothing/")
        assert [record.path for record in real.records if record.status == 200] == [
            "/simple/some-thing/",
            f"/files/{WHEEL}",
        ]


def test_its_troubles(files: Path) -> None:
    name = next(files.iterdir()).name
    with PackageIndex(package_index.refuses_two, files=files) as index:
        for _ in range(2):
            with pytest.raises(urllib.error.HTTPError, match="503"):
                get(f"{index.url}/simple/some-thing/")
        assert name.encode() in get(f"{index.url}/simple/some-thing/")
    with PackageIndex(BreaksOff(), files=files) as index:
        with pytest.raises(IncompleteRead):
            get(f"{index.url}/files/{name}")
        assert get(f"{index.url}/files/{name}") == (files / name).read_bytes()
        assert [record.whole for record in index.wait_for(2)] == [False, True]
    with PackageIndex(lambda _: Trouble(pause_s=0.01), files=files) as index:
        assert get(f"{index.url}/files/{name}") == (files / name).read_bytes()


def test_it_runs_as_a_process(files: Path, tmp_path: Path) -> None:
    script = "tests.fakes.package_index:refuses_two"
    with serving.process("tests.fakes.package_index", script, "--files", str(files)) as index:
        said = [download(index.url, tmp_path / "got").returncode for _ in range(3)]
        assert said == [1, 1, 0]
        assert [record.status for record in index.wait_for(4)] == [503, 503, 200, 200]
