"""pip's message becomes one sentence, and says whether a retry could help."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from domains import pip
from domains.contract import DataMissing, DataRefused
from tests.fakes import package_index
from tests.fakes.package_index import BreaksOff, PackageIndex, Script, Trouble, wheel


def of_files(trouble: Trouble) -> Script:
    """The trouble with files alone; pages are served."""
    return lambda asked: trouble if "/files/" in asked.path else Trouble()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    found = tmp_path / "files"
    found.mkdir()
    wheel(found, "thing", "1", {"thing.py": b"x" * 300_000})
    return found


def failure(
    files: Path, monkeypatch: pytest.MonkeyPatch, script: Script = package_index.well, **settings: str
) -> DataMissing:
    with PackageIndex(script, files=files) as index:
        for name, value in {**index.environment, **settings}.items():
            monkeypatch.setenv(name, value)
        with pytest.raises(DataMissing) as raised:
            pip.wheel("thing==1", files.parent / "got", "try again")
    assert str(raised.value).startswith("pip could not download thing==1 (")
    assert "\n" not in str(raised.value)
    return raised.value


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (package_index.refuses_always, "No matching distribution found"),
        (lambda _: Trouble(429), "No matching distribution found"),
        (lambda _: Trouble(404), "No matching distribution found"),
        (of_files(Trouble(503)), "too many 503 error responses"),
        (of_files(Trouble(429)), "429"),
        (BreaksOff(9), "the download is incomplete"),
    ],
    ids=["refuses", "too many", "lacks", "file refused", "file too many", "breaks off"],
)
def test_what_may_pass(files: Path, monkeypatch: pytest.MonkeyPatch, script: Script, reason: str) -> None:
    failed = failure(files, monkeypatch, script)
    assert isinstance(failed, DataRefused)
    assert reason in failed.reason
    assert not list((files.parent / "got").glob("*.whl"))


def test_an_index_that_is_silent_or_away_may_come_back(files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = failure(files, monkeypatch, of_files(Trouble(pause_s=3)), PIP_TIMEOUT="1")
    away = failure(files, monkeypatch, PIP_INDEX_URL="http://127.0.0.1:1/simple", PIP_RETRIES="1")
    nowhere = failure(files, monkeypatch, PIP_INDEX_URL="https://nowhere.invalid/simple", PIP_RETRIES="1")
    proxy = failure(files, monkeypatch, PIP_PROXY="http://127.0.0.1:1", PIP_RETRIES="1")
    assert all(isinstance(one, DataRefused) for one in (silent, away, nowhere, proxy))
    assert "did not answer in time" in str(silent) or "incomplete" in str(silent)  # as pip 26 has it
    assert "(Connection refused)" in str(away)
    assert str(proxy).count("Connection refused)") == 1
    assert "object at" not in str(proxy)


@pytest.mark.parametrize(
    ("script", "settings", "says"),
    [
        (of_files(Trouble(404)), {}, "404"),
        (of_files(Trouble(403)), {}, "403"),
        (package_index.well, {"PIP_REQUIRE_HASHES": "1"}, "require-hashes"),
        (package_index.well, {"PIP_TIMEOUT": "soon"}, "option timeout"),
    ],
    ids=["no file", "forbidden", "hashes", "settings"],
)
def test_what_lasts(
    files: Path, monkeypatch: pytest.MonkeyPatch, script: Script, settings: dict[str, str], says: str
) -> None:
    failed = failure(files, monkeypatch, script, **settings)
    assert not isinstance(failed, DataRefused)
    assert says in str(failed)


@pytest.mark.parametrize(
    ("said", "reason", "remedy"),
    [
        ("/usr/bin/python3: No module named pip", "this Python has none", "-m ensurepip"),
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "no space", "free"),
        ("ERROR: Could not install packages due to an OSError: [Errno 13] Permission denied: '/x'", "13", "SIA_CACHE"),
        (
            "WARNING: Retrying after connection broken by 'SSLError(SSLCertVerificationError(1, '[SSL: "
            "CERTIFICATE_VERIFY_FAILED] certificate verify failed'))': /simple/\nERROR: No matching distribution found",
            "not trusted",
            "--cert",
        ),
        ("ERROR: ResolutionImpossible: for help visit", "ResolutionImpossible", "package index"),
    ],
    ids=["no pip", "full", "forbidden", "certificate", "conflict"],
)
def test_what_another_try_would_not_change(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, reason: str, remedy: str
) -> None:
    failed = subprocess.CompletedProcess[str]([], 1, "", f"{said}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(DataMissing) as raised:
        pip.wheel("thing==1", tmp_path)
    assert not isinstance(raised.value, DataRefused)
    assert reason in str(raised.value)
    assert remedy in str(raised.value)


def test_files_where_one_stands_are_not_taken_for_pips(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "here"
    trap.mkdir()
    for name in ("pip", "random", "ctypes", "runpy"):
        (trap / f"{name}.py").write_text("raise SystemExit('mine')")
    monkeypatch.chdir(trap)
    with PackageIndex(files=files) as index:
        for name, value in index.environment.items():
            monkeypatch.setenv(name, value)
        got = pip.wheel("thing==1", tmp_path / "got")
    assert got.read_bytes() == next(files.iterdir()).read_bytes()


def test_a_user_may_have_told_pip_to_take_no_wheels_and_to_say_nothing(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with PackageIndex(files=files) as index:
        quiet = {"PIP_NO_BINARY": ":all:", "PIP_QUIET": "3", "PIP_USER": "1", "PIP_NO_INPUT": "0"}
        for name, value in {**index.environment, **quiet}.items():
            monkeypatch.setenv(name, value)
        assert pip.wheel("thing==1", tmp_path / "got").exists()


def test_this_python_runs_it() -> None:
    assert subprocess.run([sys.executable, "-P", "-c", pip._PIP, "--version"], check=False).returncode == 0
