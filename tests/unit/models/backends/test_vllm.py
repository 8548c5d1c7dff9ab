"""vLLM up to its edge: a server that is started, waited for, given adapters and ended; the server itself is faked."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from engine.errors import SiaError
from engine.models.files.adapter import MANIFEST
from engine.models.protocol import Message, PermanentError, Request
from tests.fakes.openai_server import OpenAIServer, Plan, Serves
from tests.fakes.serving import ROOT, Asked

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.vllm import Vllm
from engine.models.files.fingerprint import Fingerprint
from engine.weights.adapters import keep

ADAPTER = hashlib.sha256(b"base\0hf:0\n").hexdigest()
FAKE = f"""
import os, signal, sys
sys.path.insert(0, {str(ROOT)!r})
print("loading weights", flush=True)
"""
SERVES = """
from tests.fakes.openai_server import OpenAIServer, Plan, Serves
assert sys.argv[1] == "serve" and "--enable-lora" in sys.argv and sys.argv[-1] == "--max-model-len=64"
assert os.environ["VLLM_ALLOW_RUNTIME_LORA_UPDATING"] == "1"
port = int(sys.argv[sys.argv.index("--port") + 1])
server = OpenAIServer(lambda asked: Plan(asked.body["model"]), kind="vllm", models=[sys.argv[2]], port=port)
signal.pause()
"""
DIES = "print('no GPU was found', flush=True)\nsys.exit(3)"
HANGS = "signal.pause()"
ENGINE = """
import asyncio, pathlib, signal, sys
from engine.models.backends.vllm import Vllm

async def go():
    model = await Vllm.start("base", interpreter=pathlib.Path(sys.executable), arguments=["--max-model-len=64"],
                             minutes=0.5, adapters=None, report=lambda _: None)
    print(model._process.pid, flush=True)
    signal.pause()

asyncio.run(go())
"""


@pytest.fixture
def interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """A python whose vLLM does as told."""

    def make(does: str) -> Path:
        module = tmp_path / "vllm" / "entrypoints" / "cli" / "main.py"
        module.parent.mkdir(parents=True)
        module.write_text(FAKE + does)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{ROOT}")
        return Path(sys.executable)

    return make


@pytest.fixture
def adapters(tmp_path: Path) -> Path:
    (tmp_path / "adapters" / ADAPTER).mkdir(parents=True)
    (tmp_path / "adapters" / ADAPTER / MANIFEST).write_text('{"base": "hf:0"}')
    return tmp_path / "adapters"


def ask(**more: Any) -> Request:
    return Request("base", [Message("user", "hello")], **more)


async def start(interpreter: Path | None, said: list[str], **more: Any) -> Vllm:
    settled: dict[str, Any] = {"arguments": ["--max-model-len=64"], "minutes": 0.5, "adapters": None, **more}
    return await Vllm.start("base", interpreter=interpreter, report=said.append, **settled)


def test_a_server_is_started_waited_for_and_ended(interpreter: Any, adapters: Path) -> None:
    said: list[str] = []

    async def go() -> None:
        model = await start(interpreter(SERVES), said, adapters=adapters)
        assert model._process is not None
        child = psutil.Process(model._process.pid)
        assert (await model.chat(ask())).text == "base"
        for _ in range(2):
            assert (await model.chat(ask(adapter=ADAPTER))).text == ADAPTER
        assert (await model.chat(ask())).text == "base"
        with pytest.raises(PermanentError, match="no adapter"):
            await model.chat(ask(adapter="b" * 64))
        assert len((await model.score("ab", ["c", "d"], adapter=ADAPTER)).logprobs) == 2
        await model.close()
        assert not child.is_running()

    asyncio.run(go())
    assert "vLLM: loading weights" in said
    assert "ready" in said[-1]


def test_a_server_imports_nothing_from_the_current_folder(
    interpreter: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    for name in ("runpy", "signal", "ctypes", "vllm", "http"):
        (tmp_path / "here" / f"{name}.py").write_text("raise SystemExit(7)\n")
    monkeypatch.chdir(tmp_path / "here")

    async def go() -> None:
        await (await start(interpreter(SERVES), [])).close()

    asyncio.run(go())


def has_ended(process: psutil.Process) -> bool:
    """Also where nobody reaps it: not every container's init does."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_server_dies_with_an_engine_that_is_killed(interpreter: Any) -> None:
    interpreter(SERVES)
    with subprocess.Popen([sys.executable, "-c", ENGINE], stdout=subprocess.PIPE) as engine:
        assert engine.stdout is not None
        server = psutil.Process(int(engine.stdout.readline()))
        engine.kill()
    deadline = time.monotonic() + 30
    while not has_ended(server):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_server_that_dies_is_quoted(interpreter: Any) -> None:
    with pytest.raises(SiaError, match="no GPU was found"):
        asyncio.run(start(interpreter(DIES), []))


def test_a_server_that_is_never_ready_is_ended(interpreter: Any) -> None:
    with pytest.raises(SiaError, match="not ready within"):
        asyncio.run(start(interpreter(HANGS), [], minutes=0.01))
    assert not [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]


def test_without_an_interpreter_it_is_said_what_is_missing() -> None:
    with pytest.raises(SiaError, match=r"\[vllm\] interpreter"):
        asyncio.run(start(None, []))
    with pytest.raises(SiaError, match="cannot be started"):
        asyncio.run(start(Path("/no/python"), []))


def test_a_running_server_is_attached_to_and_an_adapter_loaded_once(adapters: Path) -> None:
    async def go(url: str) -> None:
        for _ in range(2):  # the second finds the adapter loaded, which is as good
            model = await Vllm.attach("base", f"{url}/v1", key="", adapters=adapters, report=lambda _: None)
            replies = await asyncio.gather(*(model.chat(ask(adapter=ADAPTER)) for _ in range(3)))
            assert {reply.text for reply in replies} == {ADAPTER}
            await model.close()

    with OpenAIServer(lambda asked: Plan(asked.body["model"]), kind="vllm", models=["base"]) as server:
        asyncio.run(go(server.url))
        loads = [record for record in server.records if record.path.endswith("load_lora_adapter")]
    assert [record.status for record in loads] == [200, 400]
    with pytest.raises(SiaError, match="no vLLM server answers"):
        asyncio.run(go(server.url))


def test_a_server_that_takes_no_adapters_says_how_it_would(adapters: Path) -> None:
    async def go(url: str) -> None:
        model = Vllm("base", url, adapters=adapters)
        try:
            with pytest.raises(SiaError, match="--enable-lora"):
                await model.chat(ask(adapter=ADAPTER))
        finally:
            await model.close()

    with OpenAIServer(lambda _: Plan(), kind="vllm", models=["base"], runtime_adapters=False) as server:
        asyncio.run(go(f"{server.url}/v1"))


@pytest.mark.parametrize(
    ("serves", "says"),
    [
        ("base", f"does not serve the adapter {ADAPTER[:12]} that it was given: it answers as the base model"),
        ("nothing", "does not show which adapter it serves"),
    ],
)
def test_a_server_must_show_that_it_serves_the_adapter(adapters: Path, serves: Serves, says: str) -> None:
    async def go(url: str) -> None:
        model = Vllm("base", f"{url}/v1", adapters=adapters)
        try:
            for _ in range(2):  # not the second time either
                with pytest.raises(SiaError, match=says):
                    await model.chat(ask(adapter=ADAPTER))
            assert (await model.chat(ask())).text == "base"
        finally:
            await model.close()

    with OpenAIServer(lambda asked: Plan(asked.body["model"]), kind="vllm", models=["base"], serves=serves) as server:
        asyncio.run(go(server.url))
        asked = [record.path for record in server.records if record.path.endswith("/chat/completions")]
    assert len(asked) == 1  # of the base: what the adapter is asked is not answered by another


def test_a_stale_adapter_is_not_asked(tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    names = []
    for shift in (0.5, 0.9):
        (made / "adapter_config.json").write_text(str(shift))
        print_of = Fingerprint([97, 98, 99], [-1.0, -2.0], [-1.0 - shift, -2.0 + shift])
        more: dict[str, Any] = {"base": "hf:0", "architecture": "", "lineage": {}, "fingerprint": print_of}
        names.append(keep(tmp_path / "adapters", made, **more))

    async def go(url: str) -> list[str]:
        model = Vllm("base", f"{url}/v1", adapters=tmp_path / "adapters")
        try:
            return [(await model.chat(ask(adapter=name))).text for name in names]
        finally:
            await model.close()

    def script(asked: Asked) -> Plan:
        return Plan(asked.body["model"])

    with OpenAIServer(script, kind="vllm", models=["base"]) as server:
        assert asyncio.run(go(server.url)) == names
    with (
        OpenAIServer(script, kind="vllm", models=["base"], serves="first") as server,
        pytest.raises(SiaError, match=f"{names[1][:12]} that it was given: it answers as the adapter {names[0][:12]}"),
    ):
        asyncio.run(go(server.url))


def test_a_server_that_does_not_see_the_folder_says_so(adapters: Path, tmp_path: Path) -> None:
    async def go(url: str) -> None:
        model = Vllm("base", f"{url}/v1", adapters=adapters)
        try:
            with pytest.raises(SiaError, match="does not see the folder"):
                await model.chat(ask(adapter=ADAPTER))
        finally:
            await model.close()

    with OpenAIServer(lambda _: Plan(), kind="vllm", models=["base"], sees=tmp_path / "elsewhere") as server:
        asyncio.run(go(server.url))


def test_a_server_that_was_started_anew_is_given_the_adapter_again(adapters: Path) -> None:
    async def go(server: OpenAIServer) -> None:
        model = Vllm("base", f"{server.url}/v1", adapters=adapters)
        assert (await model.chat(ask(adapter=ADAPTER))).text == ADAPTER
        server.start_anew("adapters")
        replies = await asyncio.gather(*(model.chat(ask(adapter=ADAPTER)) for _ in range(5)))
        assert {reply.text for reply in replies} == {ADAPTER}
        server.start_anew("adapters")
        assert len((await model.score("a", ["b"], adapter=ADAPTER)).logprobs) == 1
        server.start_anew("base")
        with pytest.raises(SiaError, match="it answers as the base model"):
            await model.chat(ask(adapter=ADAPTER))
        await model.close()

    with OpenAIServer(lambda asked: Plan(asked.body["model"]), kind="vllm", models=["base"]) as server:
        asyncio.run(go(server))
        loads = [record for record in server.records if record.path.endswith("load_lora_adapter")]
    assert [record.status for record in loads] == [200] * 4
