"""Which models of the catalog are usable on this machine, and what the others lack; imports nothing heavy."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from engine import keys
from engine.errors import SiaError
from engine.models import catalog
from engine.models.backends import vllm_environment
from engine.models.backends.openai import kind_of
from engine.models.extras import find_missing
from engine.models.files import smollm2
from engine.user_settings import UserSettings


class ModelAvailability(msgspec.Struct, frozen=True):
    """A kind of model reference: its form, what it is, whether it works here, and if not, the remedy."""

    model: str
    what: str
    usable: bool
    how: str
    remedy: str = ""


async def survey(settings: UserSettings) -> list[ModelAvailability]:
    """One row for each kind of reference and each configured server; the servers are contacted."""
    rows = [_claude(), _openai(), *_local(), _vllm(settings)]
    for name, server in settings.servers.items():
        written, what = f"openai:NAME@{name}", f"the server at {server.url}"
        try:
            kind = await kind_of(server.url, keys.key(server.key) if server.key else "")
            rows.append(ModelAvailability(written, what, True, f"answers ({kind})"))
        except SiaError as error:
            rows.append(ModelAvailability(written, what, False, error.message, error.remedy))
    return rows


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
