"""vLLM's own environment, from a package index on loopback: refused, announced, made whole or not at all, and found."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from domains.contract import DataMissing, DataRefused
from engine.errors import SiaError
from engine.models.backends import vllm_environment
from engine.models.catalog import open_model, parse
from engine.models.model_availability import survey
from engine.models.protocol import Message, Request
from engine.user_settings import UserSettings
from tests.fakes.package_index import PackageIndex, wheel
from tests.fakes.serving import ROOT
from tests.story import sia

pytest.importorskip("httpx2", reason="needs the extra agents")

SERVER = f"""
import signal, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.fakes.openai_server import OpenAIServer, Plan
port = int(sys.argv[sys.argv.index("--port") + 1])
server = OpenAIServer(lambda asked: Plan(sys.prefix), kind="vllm", models=[sys.argv[2]], port=port)
signal.pause()
"""
GPUS = ["NVIDIA H200"]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A package of vLLM's name that holds a server of the tests."""
    folder = tmp_path / "files"
    folder.mkdir()
    members = {f"{name}/__init__.py": b"" for name in ("vllm", "vllm/entrypoints", "vllm/entrypoints/cli")}
    wheel(folder, "vllm", vllm_environment.VERSION, {**members, "vllm/entrypoints/cli/main.py": SERVER.encode()})
    return folder


@pytest.fixture
def index(files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    with PackageIndex(files=files) as found:
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        yield found


def get(*options: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    command = [*sia(Path("nowhere"), "models", "get", "vllm", *options)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False, env=os.environ)
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.skipif(Path("/dev/nvidia0").exists(), reason="there is a GPU here")
def test_without_a_gpu_it_is_refused_in_one_sentence_and_nothing_is_asked_or_made(
    cache: Path, index: PackageIndex
) -> None:
    said = get(status=1).stderr
    assert len(said.splitlines()) == 1
    assert "needs an NVIDIA GPU, and there is none here" in said and "--anyway" in said
    assert index.records == [] and not cache.exists()


@pytest.mark.parametrize(
    ("gpus", "driver", "words"),
    [([], "", "needs an NVIDIA GPU"), (GPUS, "570.86.15", "driver 580 or later, and this machine has 570.86.15")],
)
def test_what_would_not_run_is_refused(cache: Path, gpus: list[str], driver: str, words: str) -> None:
    refused = vllm_environment.refusal(gpus, driver)
    assert refused is not None and words in refused.message and "--anyway" in refused.remedy


@pytest.mark.parametrize("driver", ["580.65.06", "595.10", ""])
def test_what_would_run_is_not(cache: Path, driver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vllm_environment, "_free", lambda: int(100e9))
    assert vllm_environment.refusal(GPUS, driver) is None
    monkeypatch.setattr(vllm_environment, "_free", lambda: int(7e9))
    refused = vllm_environment.refusal(GPUS, driver)
    assert refused is not None and "7 GB are free" in refused.message


def test_it_is_announced_made_and_what_a_model_of_vllm_is_started_with(cache: Path, index: PackageIndex) -> None:
    done = get("--anyway", "--json")
    assert "GB to download" in done.stderr and "GB of disk" in done.stderr and "driver 580" in done.stderr
    assert f"Downloading vllm-{vllm_environment.VERSION}" in done.stderr
    python = json.loads(done.stdout)["interpreter"]
    asked = len(index.records)
    assert json.loads(get("--json").stdout)["interpreter"] == python  # no GPU is needed for what is there
    assert len(index.records) == asked

    rows = {row.model: row for row in asyncio.run(survey(UserSettings()))}
    assert (rows["vllm:NAME"].usable, rows["vllm:NAME"].how) == (True, python)

    async def served() -> str:
        model = await open_model(parse("vllm:base"), UserSettings())
        try:
            return (await model.chat(Request("base", [Message("user", "who are you?")]))).text
        finally:
            await model.close()

    assert asyncio.run(served()) == str(Path(python).parent.parent)


@pytest.fixture
def pip_does(cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[Exception | None]:
    """What pip raises each time that it is called, beginning with the last; an environment is an empty folder here."""
    does: list[Exception | None] = [None]

    def run(*_: object, **__: object) -> None:
        if error := does.pop():
            (vllm_environment.folder() / "half").write_text("of it")
            raise error

    monkeypatch.setattr("venv.create", lambda place, **_: Path(place).mkdir(parents=True))
    monkeypatch.setattr("domains.pip.run", run)
    monkeypatch.setattr("domains.retry.WAITS_S", (0.0, 0.0))
    return does


def test_an_index_that_refuses_is_asked_again(pip_does: list[Exception | None]) -> None:
    pip_does += [DataRefused("no", "503"), DataRefused("no", "503")]
    said: list[str] = []
    assert vllm_environment.make(said.append) == vllm_environment.interpreter()
    assert sum("503: trying again" in line for line in said) == 2
    assert not (vllm_environment.folder() / "half").exists()


def test_what_an_interrupted_try_has_left_is_not_taken_for_the_environment(
    pip_does: list[BaseException | None],
) -> None:
    pip_does += [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        vllm_environment.make(lambda _: None)
    assert (vllm_environment.folder() / "half").exists() and vllm_environment.interpreter() is None
    vllm_environment.make(lambda _: None)
    assert not (vllm_environment.folder() / "half").exists() and vllm_environment.interpreter() is not None


def test_what_cannot_be_resolved_is_said_in_a_sentence(pip_does: list[Exception | None]) -> None:
    pip_does += [DataMissing("pip could not install vllm (it requires a different python): check the index.")]
    with pytest.raises(SiaError, match=r"vLLM could not be installed: pip could not install vllm .* check the index"):
        vllm_environment.make(lambda _: None)
