"""Which models of the catalog are usable on this machine, and what the others lack; imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from engine import keys
from engine.errors import SiaError
from engine.models import catalog
from engine.models.backends import vllm_environment
from engine.models.backends.servers import served
from engine.models.extras import find_missing
from engine.models.files import smollm2
from engine.user_settings import Server, UserSettings

_MOST_NAMES = 8
"""Models of a server that are listed."""


class ModelAvailability(msgspec.Struct, frozen=True):
    """A kind of model reference: its form, what it is, whether it works here, and if not, the remedy."""

    model: str
    what: str
    usable: bool
    how: str
    remedy: str = ""


async def survey(settings: UserSettings) -> list[ModelAvailability]:
    """One row for each kind of reference and each server.

    The servers of the settings are contacted, and those that run here at their usual addresses.
    """
    rows = [_claude(), _openai(), *_local(), _vllm(settings)]
    for name, server in settings.servers.items():
        rows.append(await _server(f"openai:NAME@{name}", server))
    for name, server in catalog.KNOWN.items():
        if name in settings.servers:
            continue
        if server.key:
            rows.append(_keyed(f"{name}:NAME", f"the models at {server.url}", "httpx2", server.key))
        elif not find_missing(("httpx2",), "agents"):
            row = await _server(f"{name}:NAME", server)
            rows.append(row if row.usable else msgspec.structs.replace(row, how="not running"))
    return rows


async def _server(written: str, server: Server) -> ModelAvailability:
    what = f"the server at {server.url}"
    try:
        kind, names = await served(server.url, keys.key(server.key) if server.key else "", timeout_s=3)
    except SiaError as error:
        return ModelAvailability(written, what, False, error.message, error.remedy)
    shown = ", ".join(names[:_MOST_NAMES]) + (", …" if len(names) > _MOST_NAMES else "")
    return ModelAvailability(written, what, True, f"answers ({kind})" + (f": {shown}" if shown else ""))


def _claude() -> ModelAvailability:
    return _keyed("claude", f"Claude ({catalog.CLAUDE}); others as anthropic:NAME", "anthropic", "ANTHROPIC_API_KEY")


def _openai() -> ModelAvailability:
    written, what = "openai:NAME", "OpenAI, or $OPENAI_BASE_URL; another server as openai:NAME@URL"
    row = _keyed(written, what, "httpx2", catalog.OPENAI_KEY)
    base = os.environ.get("OPENAI_BASE_URL")
    if base and not find_missing(("httpx2",), "agents"):
        return ModelAvailability(written, what, True, f"at {base}, {row.how}")
    return row


def _keyed(model: str, what: str, package: str, key: str) -> ModelAvailability:
    if absent := find_missing((package,), "agents"):
        return ModelAvailability(model, what, False, absent.message, absent.remedy)
    if not (origin := keys.origin(key)):
        return ModelAvailability(
            model, what, False, "no key", f"set ${key}, or store it with `keyring set {keys.SERVICE} {key}`"
        )
    return ModelAvailability(model, what, True, f"key from the {origin}")


def _local() -> Iterator[ModelAvailability]:
    there = smollm2.path().exists()
    how = "fetched" if there else "is fetched at its first use (93 MB)"
    for model, what, extra, packages in (
        (catalog.SMOLLM2, "SmolLM2-135M in this process, by llama.cpp", "local", (*catalog.LLAMA, "gguf")),
        ("gguf:FILE", "a GGUF file in this process, by llama.cpp", "local", catalog.LLAMA),
        (f"hf:{catalog.SMOLLM2}", "SmolLM2-135M in this process, by transformers", "train", (*catalog.TORCH, "gguf")),
        ("hf:FOLDER", "a checkpoint in this process, by transformers", "train", catalog.TORCH),
    ):
        absent = find_missing(packages, extra)
        own = how if catalog.SMOLLM2 in model else "ready"
        yield ModelAvailability(
            model, what, not absent, absent.message if absent else own, absent.remedy if absent else ""
        )


def _vllm(settings: UserSettings) -> ModelAvailability:
    what = "vLLM on a GPU, started here; a running server as vllm:NAME@URL"
    if absent := find_missing(("httpx2",), "agents"):
        return ModelAvailability("vllm:NAME", what, False, absent.message, absent.remedy)
    interpreter = settings.vllm.interpreter or vllm_environment.interpreter()
    if interpreter is None:
        remedy = '`sia models get vllm` on a machine with a GPU; or in your settings: [vllm] interpreter = "..."'
        return ModelAvailability("vllm:NAME", what, False, "no interpreter", remedy)
    there = interpreter.exists()
    remedy = "" if there else "correct [vllm] interpreter in your settings"
    return ModelAvailability(
        "vllm:NAME", what, there, str(interpreter) if there else f"there is no {interpreter}", remedy
    )
