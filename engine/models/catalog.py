"""Model references as users write them, and how each is opened.

claude    anthropic:NAME    openai:NAME[@SERVER|@URL]    vllm:NAME[@URL]    smollm2    gguf:FILE    hf:FOLDER
openrouter:NAME    ollama:NAME    lmstudio:NAME    llamacpp:NAME, which are openai:NAME@openrouter and so on
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from engine import keys, user_settings
from engine.errors import SiaError
from engine.models.extras import find_missing
from engine.models.known_models import known
from engine.models.prices import FREE, price_of
from engine.models.protocol import Model
from engine.plain import plural
from engine.user_path import expanded
from engine.user_settings import Price, Server, UserSettings

CLAUDE = "claude-sonnet-5-5"
"""Of Anthropic's models the one with the best results for its price: see docs/models.md."""
SMOLLM2 = "smollm2"
BACKENDS = ("anthropic", "openai", "vllm", "gguf", "hf")
OPENAI_KEY = "OPENAI_API_KEY"
KNOWN: Mapping[str, Server] = {
    "openrouter": Server(url="https://openrouter.ai/api/v1", kind="other", key="OPENROUTER_API_KEY"),
    "ollama": Server(url="http://127.0.0.1:11434/v1", kind="ollama"),
    "lmstudio": Server(url="http://127.0.0.1:1234/v1", kind="other"),
    "llamacpp": Server(url="http://127.0.0.1:8080/v1", kind="llama-server"),
}
"""Servers that need no entry in [servers], at their usual addresses; an entry of the same name comes first."""
_VENDOR = Server(url="https://api.openai.com/v1", kind="openai", key=OPENAI_KEY)
LLAMA = ("llama_cpp", "jinja2")
TORCH = ("torch", "transformers", "peft")
SMALL_WINDOW = 32_000
WIDER = {
    "ollama": "start Ollama with OLLAMA_CONTEXT_LENGTH=32768, or more",
    "llama-server": "start llama-server with --ctx-size 32768, or more",
}
"""How a server is started with a wider window, for the kinds that tell of theirs."""
_WEB = ("http://", "https://")
Report = Callable[[str], None]


class Reference(NamedTuple):
    """A parsed model reference: backend, name or path, and the server after `@`, if given."""

    backend: str
    name: str
    at: str = ""

    @property
    def local(self) -> bool:
        """Whether the model runs in this process."""
        return self.backend in ("gguf", "hf")


def parse(text: str) -> Reference:
    """Parses a model reference; raises `SiaError` if it is not valid."""
    if text == "claude":
        return Reference("anthropic", CLAUDE)
    if text == SMOLLM2:
        return Reference("gguf", SMOLLM2)
    backend, _, rest = text.partition(":")
    if backend in KNOWN and rest and "@" not in rest:
        backend, rest = "openai", f"{rest}@{backend}"
    name, _, at = rest.partition("@") if backend in ("openai", "vllm") else (rest, "", "")
    if backend not in BACKENDS or not name or name.startswith("-"):  # vLLM would take it for an option
        raise SiaError(f"{text!r} names no model", "`sia models` shows how models are named")
    return Reference(backend, name, at)


def foreign_address(reference: Reference) -> str:
    """The address that the reference itself names; empty if there is none, or if the user's own settings name it."""
    own = user_settings.own().servers
    if reference.at in own or not reference.at.startswith(_WEB):
        return ""
    known = {server.url.rstrip("/") for server in own.values()} | {os.environ.get("OPENAI_BASE_URL", "").rstrip("/")}
    address = reference.at.rstrip("/")
    return "" if address in known else address


def price(reference: Reference, settings: UserSettings) -> Price | None:
    """The price per million tokens; zero for a model that the user runs, and for a server that is sent no key.

    None if it is not known. A server that wants a key may bill whoever has it.
    """
    server = _named(reference.at, settings)
    keyed = server is not None and server.key
    own = reference.local or reference.backend == "vllm" or (bool(reference.at) and not keyed)
    return price_of(reference.name, settings.prices) or (FREE if own else None)


def servers(settings: UserSettings) -> Mapping[str, Server]:
    """The servers that a reference can name: those of the settings, and `KNOWN` ones."""
    return {**KNOWN, **settings.servers}


def in_flight(reference: Reference, settings: UserSettings) -> int:
    """The number of concurrent calls."""
    return 1 if reference.local else int(getattr(settings.concurrency, reference.backend))


async def open_model(
    reference: Reference, settings: UserSettings, *, adapters: Path | None = None, report: Report = lambda _: None
) -> Model:
    """Opens the model; downloads SmolLM2 or starts vLLM if needed. Raises `SiaError`.

    `adapters` is the workspace's folder of adapters: one folder for each, named by SHA-256.
    """
    keys.expect(server.key for server in servers(settings).values())
    own = settings.models.get(reference.name)
    facts = known(reference.name, own) if own else None
    match reference:
        case Reference("anthropic", name):
            from engine.models.backends.anthropic import KEY, Anthropic

            return Anthropic(name, key=keys.key(KEY), facts=facts)
        case Reference("openai", name):
            from engine.models.backends.openai import OpenAI
            from engine.models.backends.servers import kind_of, window_of

            server = _server(reference, settings)
            key = _key(server)
            kind = server.kind if server.kind != "auto" else await kind_of(server.url, key)
            named = server.key or OPENAI_KEY
            window = await window_of(kind, server.url, name, key)
            if 0 < window < SMALL_WINDOW:
                report(
                    f"{name} has a window of {plural(window, 'token')} there, which an agent may fill: {WIDER[kind]}"
                )
            return OpenAI(name, server.url, kind=kind, key=key, key_name=named, facts=facts, window=window)
        case Reference("vllm", name):
            return await _vllm(reference, settings, adapters, report)
        case Reference("gguf", name):
            from engine.models.backends.llamacpp import LlamaCpp

            return await asyncio.to_thread(lambda: LlamaCpp(_gguf(name, report), adapters=adapters))
        case _:
            from engine.models.backends.transformers import Transformers

            return await asyncio.to_thread(lambda: Transformers(_checkpoint(reference.name, report), adapters=adapters))


def trainable(reference: Reference) -> bool:
    """Whether the weights lever can train it: a local checkpoint that transformers or vLLM serves."""
    return reference.backend == "hf" or (reference.backend == "vllm" and expanded(reference.name).is_dir())


def checkpoint_of(reference: Reference, report: Report = lambda _: None) -> Path:
    """The folder of the checkpoint that training starts from; raises `SiaError` if `reference` has none."""
    if not trainable(reference):
        raise SiaError(
            f"the model {reference.backend}:{reference.name} cannot be trained",
            "name a checkpoint with --model hf:FOLDER, or hf:smollm2",
        )
    return _checkpoint(reference.name, report) if reference.backend == "hf" else expanded(reference.name)


async def _vllm(reference: Reference, settings: UserSettings, adapters: Path | None, report: Report) -> Model:
    from engine.models.backends import vllm_environment
    from engine.models.backends.vllm import KEY, Vllm

    if reference.at:
        server = _server(reference, settings)
        key = _key(server) or keys.key(KEY)
        return await Vllm.attach(reference.name, server.url, key=key, adapters=adapters, report=report)
    return await Vllm.start(
        reference.name,
        interpreter=settings.vllm.interpreter or vllm_environment.interpreter(),
        arguments=settings.vllm.arguments,
        minutes=settings.vllm.start_minutes,
        adapters=adapters,
        report=report,
    )


def _server(reference: Reference, settings: UserSettings) -> Server:
    """The server after `@`: an entry of [servers] or a URL. Without one, $OPENAI_BASE_URL or OpenAI itself."""
    if found := _named(reference.at, settings):
        return found
    if reference.at.startswith(_WEB):
        return Server(url=reference.at)
    if reference.at:
        raise SiaError(
            f"there is no server {reference.at!r}", "write its URL after @, or add it to [servers] in your settings"
        )
    if base := os.environ.get("OPENAI_BASE_URL"):
        return Server(url=base, key=OPENAI_KEY if keys.key(OPENAI_KEY) else "")
    return _VENDOR


def _named(at: str, settings: UserSettings) -> Server | None:
    """The server that has this name or this address: a key goes to the address that the user has paired it with."""
    named = servers(settings)
    addresses = [*settings.servers.values(), *KNOWN.values(), _VENDOR]
    if (base := os.environ.get("OPENAI_BASE_URL")) and keys.key(OPENAI_KEY):
        addresses.insert(0, Server(url=base, key=OPENAI_KEY))
    return named.get(at) or next((one for one in addresses if at and _address(one.url) == _address(at)), None)


def _address(url: str) -> tuple[str, str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower(), parts.path.rstrip("/")


def _key(server: Server) -> str:
    key = keys.key(server.key) if server.key else ""
    if server.key and not key:
        raise SiaError(
            f"there is no key for {server.url}", f"set ${server.key}, or store it with `keyring set sia {server.key}`"
        )
    return key


def _gguf(name: str, report: Report) -> Path:
    if name == SMOLLM2:
        from engine.models.files import f16, smollm2

        _require((*LLAMA, "gguf"), "local")
        return f16.convert(smollm2.fetch(report))
    return _require_path(name, "file")


def _checkpoint(name: str, report: Report) -> Path:
    if name == SMOLLM2:
        from engine.models.files import checkpoint, smollm2

        _require((*TORCH, "gguf"), "train")
        return checkpoint.of_gguf(smollm2.fetch(report))
    return _require_path(name, "folder")


def _require(packages: tuple[str, ...], extra: str) -> None:
    # Checked before a download of 93 MB that nothing here could read.
    if error := find_missing(packages, extra):
        raise error


def _require_path(name: str, what: str) -> Path:
    path = expanded(name)
    if not path.exists():
        raise SiaError(
            f"there is no {what} {path}", "name a model that is on this machine; nothing is downloaded by name"
        )
    return path
