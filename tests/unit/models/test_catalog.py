"""Models by the names that a person gives them: what each opens, what it costs, and what it lacks here."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SiaError
from engine.models import catalog
from engine.models.catalog import Reference, in_flight, open_model, parse, price
from engine.models.files import smollm2
from engine.models.model_availability import survey
from engine.models.prices import DEFAULTS, price_of, usd
from engine.models.protocol import Message, PermanentError, Request
from engine.usage import Usage
from engine.user_settings import Price, Server, UserSettings, Vllm
from tests.fakes.anthropic_server import AnthropicServer
from tests.fakes.anthropic_server import Plan as Said
from tests.fakes.openai_server import OpenAIServer, Plan
from tests.fakes.serving import Asked


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "VLLM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("claude", Reference("anthropic", "claude-sonnet-5-5")),
        ("anthropic:claude-opus-4-6", Reference("anthropic", "claude-opus-4-6")),
        ("openai:qwen@http://127.0.0.1:8080/v1", Reference("openai", "qwen", "http://127.0.0.1:8080/v1")),
        ("openai:a:b", Reference("openai", "a:b")),
        ("vllm:org/name", Reference("vllm", "org/name")),
        ("smollm2", Reference("gguf", "smollm2")),
        ("gguf:a@b:c.gguf", Reference("gguf", "a@b:c.gguf")),
        ("hf:dir", Reference("hf", "dir")),
    ],
)
def test_a_name_says_backend_model_and_place(text: str, reference: Reference) -> None:
    assert parse(text) == reference


@pytest.mark.parametrize("text", ["", "gpt", "openai:", "cloud:x", "gguf"])
def test_what_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(SiaError, match="names no model"):
        parse(text)


def test_prices_add_up_and_a_person_overrules_them() -> None:
    settings = UserSettings(prices={"mine": Price(input=1, output=2), "claude-sonnet-5-5": Price(input=9, output=9)})
    assert price(parse("openai:mine"), settings) == Price(input=1, output=2)
    assert price(parse("claude"), settings) == Price(input=9, output=9)
    assert price(parse("openai:unknown"), settings) is None
    for own in ("smollm2", "vllm:x", "openai:x@http://127.0.0.1:1/v1"):
        assert price(parse(own), settings) == Price(input=0, output=0)
    keyed = UserSettings(servers={"paid": Server(url="https://x/v1", key="K"), "own": Server(url="http://x/v1")})
    assert price(parse("openai:x@paid"), keyed) is None, "a server that wants a key may bill"
    assert price(parse("openai:x@own"), keyed) == Price(input=0, output=0)
    assert price_of("claude-haiku-4-5-20251001", {}) == DEFAULTS["claude-haiku-4-5"]
    used = Usage(input=1_000_000, output=100_000, cache_read=2_000_000, cache_write=400_000)
    assert usd(DEFAULTS["claude-sonnet-4-6"], used) == pytest.approx(3 + 1.5 + 0.6 + 1.5)
    assert usd(Price(input=2, output=0), used) == pytest.approx(2 + 4 + 0.8)


def test_calls_in_flight_are_settled_by_backend_and_one_in_process() -> None:
    settings = UserSettings(concurrency={"anthropic": 9})  # type: ignore[arg-type]
    assert in_flight(parse("claude"), settings) == 9
    assert in_flight(parse("smollm2"), settings) == 1


def test_a_server_of_the_settings_is_found_by_its_name_and_known_by_its_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx2", reason="needs the extra agents")
    monkeypatch.setenv("MY_KEY", "k")

    async def go(reference: Reference, settings: UserSettings) -> str:
        model = await open_model(reference, settings)
        reply = await model.chat(Request("m", [Message("user", "x")], choices=["yes"]))
        await model.close()
        return reply.text

    with OpenAIServer(lambda a: Plan("yes" if "grammar" in a.body else "?"), kind="llamacpp", key="k") as server:
        settings = UserSettings(servers={"here": Server(url=f"{server.url}/v1", key="MY_KEY")})
        assert asyncio.run(go(parse("openai:m@here"), settings)) == "yes"
        monkeypatch.delenv("MY_KEY")
        with pytest.raises(SiaError, match=r"no key .*\$MY_KEY"):
            asyncio.run(go(parse("openai:m@here"), settings))
        with pytest.raises(SiaError, match="no server 'there'"):
            asyncio.run(go(parse("openai:m@there"), settings))
        with pytest.raises(SiaError, match=r"no key .*\$OPENAI_API_KEY"):
            asyncio.run(go(parse("openai:m"), settings))


def test_a_key_goes_to_the_address_with_which_the_user_has_paired_it_and_to_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("httpx2", reason="needs the extra agents")
    monkeypatch.setenv("MY_KEY", "a-key-of-mine")
    monkeypatch.setenv("OPENAI_API_KEY", "a-key-of-the-vendor")
    seen: list[str] = []

    def answer(asked: Asked) -> Plan:
        seen.append(asked.headers.get("authorization", ""))
        return Plan("yes")

    async def go(reference: str, settings: UserSettings) -> None:
        model = await open_model(parse(reference), settings)
        await model.chat(Request("m", [Message("user", "x")]))
        await model.close()

    with OpenAIServer(answer, kind="other") as paired, OpenAIServer(answer, kind="other") as other:
        settings = UserSettings(servers={"mine": Server(url=f"{paired.url}/v1", key="MY_KEY")})
        for address in (f"{paired.url}/v1", f"{paired.url}/v1/", f"{other.url}/v1"):
            asyncio.run(go(f"openai:m@{address}", settings))
        monkeypatch.setenv("OPENAI_BASE_URL", f"{other.url}/v1")
        asyncio.run(go(f"openai:m@{other.url}/v1", settings))
    assert seen == ["Bearer a-key-of-mine"] * 2 + [""] + ["Bearer a-key-of-the-vendor"]
    assert price(parse(f"openai:m@{paired.url}/v1"), settings) is None, "who has the key may bill"


@pytest.mark.parametrize(("kind", "window"), [("ollama", 4096), ("llama-server", 8192), ("other", 0)])
def test_a_narrow_window_of_a_running_server_is_told_when_it_is_opened(kind: str, window: int) -> None:
    pytest.importorskip("httpx2", reason="needs the extra agents")
    told: list[str] = []

    async def go(url: str) -> int:
        model = await open_model(parse(f"openai:m@{url}/v1"), UserSettings(), report=told.append)
        await model.close()
        return model.abilities.window

    with OpenAIServer(lambda a: Plan("x"), kind=kind, window=window or 1 << 30) as server:
        assert asyncio.run(go(server.url)) == window
    assert [f"a window of {window:,} tokens" in one for one in told] == [True] * bool(window)


def test_a_key_from_the_keyring_serves_and_one_that_is_refused_costs_one_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("anthropic", reason="needs the extra agents")
    keyring = pytest.importorskip("keyring", reason="needs the extra agents")
    monkeypatch.setattr(keyring, "get_password", lambda service, name: f"{service}-{name}")

    async def go() -> str:
        model = await open_model(parse("claude"), UserSettings())
        try:
            return (await model.chat(Request(model.weights, [Message("user", "x")]))).text
        finally:
            await model.close()

    with AnthropicServer(lambda _: Said(["hello"]), key="sia-ANTHROPIC_API_KEY") as server:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        assert asyncio.run(go()) == "hello"
        monkeypatch.setenv("ANTHROPIC_API_KEY", "wrong")
        with pytest.raises(PermanentError, match="401"):
            asyncio.run(go())
        assert [record.status for record in server.wait_for(2)] == [200, 401]


def test_files_that_are_not_there_are_not_downloaded_by_name(tmp_path: Path) -> None:
    for reference in (f"gguf:{tmp_path}/x.gguf", f"hf:{tmp_path}/x"):
        with pytest.raises(SiaError, match="there is no"):
            asyncio.run(open_model(parse(reference), UserSettings()))


@pytest.mark.parametrize(
    ("reference", "package", "extra"),
    [("gguf:{0}/x", "llama_cpp", "local"), ("hf:{0}", "peft", "train"), ("claude", "anthropic", "agents"),
     ("openai:m@here", "httpx2", "agents"), ("vllm:m@here", "httpx2", "agents")],
)  # fmt: skip
def test_a_missing_extra_is_one_sentence_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reference: str, package: str, extra: str
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    if extra == "train":
        for name in ("torch", "transformers"):
            if importlib.util.find_spec(name) is None:
                package = name
                break
    (tmp_path / "x").touch()
    settings = UserSettings(servers={"here": Server(url="http://127.0.0.1:1/v1", kind="openai")})
    with pytest.raises(SiaError, match=rf"is not installed; install it with `pip install 'sia-tui\[{extra}\]'`"):
        asyncio.run(open_model(parse(reference.format(tmp_path)), settings))


def test_nothing_is_downloaded_that_nothing_here_could_read(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    def fetched(_: object) -> Path:
        raise AssertionError("it was downloaded")

    monkeypatch.setattr(smollm2, "fetch", fetched)
    for reference, package in (("smollm2", "llama_cpp"), ("hf:smollm2", "torch")):
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(SiaError, match="is not installed"):
            asyncio.run(open_model(parse(reference), UserSettings()))


def test_the_survey_says_what_works_here_and_what_would_mend_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("anthropic", reason="needs the extra agents")
    real = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "llama_cpp" else real(name))
    with OpenAIServer(lambda _: Plan(), kind="ollama") as server:
        servers = {"here": Server(url=f"{server.url}/v1"), "gone": Server(url="http://127.0.0.1:9/v1")}
        rows = _rows(UserSettings(servers=servers))
        assert rows["openai:NAME@here"].how == "answers (ollama): m"
        assert not rows["openrouter:NAME"].usable and "$OPENROUTER_API_KEY" in rows["openrouter:NAME"].remedy
        assert not rows["openai:NAME@gone"].usable
        assert "ANTHROPIC_API_KEY" in rows["claude"].remedy
        assert "sia-tui[local]" in rows["smollm2"].remedy
        assert "[vllm] interpreter" in rows["vllm:NAME"].remedy
        assert all(row.usable or row.remedy for row in rows.values())
    monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    rows = _rows(UserSettings(vllm=Vllm(interpreter=Path(os.sys.executable))))  # type: ignore[attr-defined]
    assert rows["claude"].how == "key from the environment"
    assert rows["vllm:NAME"].usable
    assert rows["openai:NAME"].how == "at http://127.0.0.1:1/v1, no key"


def _rows(settings: UserSettings) -> dict[str, Any]:
    return {row.model: row for row in asyncio.run(survey(settings))}


def test_every_backend_has_a_name() -> None:
    assert {parse(f"{backend}:x").backend for backend in catalog.BACKENDS} == set(catalog.BACKENDS)


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("openrouter:qwen/qwen3-coder:free", Reference("openai", "qwen/qwen3-coder:free", "openrouter")),
        ("ollama:qwen3:8b", Reference("openai", "qwen3:8b", "ollama")),
        ("lmstudio:gemma", Reference("openai", "gemma", "lmstudio")),
        ("llamacpp:local", Reference("openai", "local", "llamacpp")),
    ],
)
def test_servers_that_people_use_are_named_in_one_word(text: str, reference: Reference) -> None:
    assert parse(text) == reference
    assert catalog.foreign_address(reference) == ""


def test_a_server_that_is_known_by_name_can_be_set_to_another_address(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("httpx2", reason="needs the extra agents")
    monkeypatch.delenv("OPENROUTER_API_KEY", raising=False)

    async def go(settings: UserSettings) -> str:
        model = await open_model(parse("ollama:m"), settings)
        reply = await model.chat(Request("m", [Message("user", "x")]))
        await model.close()
        return reply.text

    with OpenAIServer(lambda _: Plan("here"), kind="ollama") as server:
        settings = UserSettings(servers={"ollama": Server(url=f"{server.url}/v1", kind="ollama")})
        assert asyncio.run(go(settings)) == "here"
    assert price(parse("ollama:m"), UserSettings()) == Price(input=0, output=0)
    assert price(parse("openrouter:m"), UserSettings()) is None
    with pytest.raises(SiaError, match=r"no key .*\$OPENROUTER_API_KEY"):
        asyncio.run(open_model(parse("openrouter:m"), UserSettings()))
