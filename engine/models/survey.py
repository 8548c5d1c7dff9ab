"""What of the catalog is usable on this machine, and what the rest lacks; nothing heavy is imported to find out."""

from __future__ import annotations

import os
from collections.abc import Iterator

import msgspec

from engine import keys
from engine.errors import SiaError
from engine.models import catalog
from engine.models.backends import vllm_environment
from engine.models.backends.openai import kind_of
from engine.models.extras import lack
from engine.models.files import smollm2
from engine.settings import UserSettings


class Usable(msgspec.Struct, frozen=True):
    """A way to a model: how it is written, what it is, whether it works here, and if not, what to do."""

    model: str
    what: str
    usable: bool
    how: str
    remedy: str = ""


async def survey(settings: UserSettings) -> list[Usable]:
    """One row for each way to a model, configured servers included: those are asked whether they are there."""
    rows = [_claude(), _openai(), *_local(), _vllm(settings)]
    for name, server in settings.servers.items():
        written, what = f"openai:NAME@{name}", f"the server at {server.url}"
        try:
            kind = await kind_of(server.url, keys.key(server.key) if server.key else "")
            rows.append(Usable(written, what, True, f"answers ({kind})"))
        except SiaError as error:
            rows.append(Usable(written, what, False, error.message, error.remedy))
    return rows


def _claude() -> Usable:
    return _keyed("claude", f"Claude ({catalog.CLAUDE}); others as anthropic:NAME", "anthropic", "ANTHROPIC_API_KEY")


def _openai() -> Usable:
    written, what = "openai:NAME", "OpenAI, or $OPENAI_BASE_URL; another server as openai:NAME@URL"
    row = _keyed(written, what, "httpx2", catalog.OPENAI_KEY)
    base = os.environ.get("OPENAI_BASE_URL")
    if base and not lack(("httpx2",), "agents"):
        return Usable(written, what, True, f"at {base}, {row.how}")
    return row


def _keyed(model: str, what: str, package: str, key: str) -> Usable:
    if absent := lack((package,), "agents"):
        return Usable(model, what, False, absent.message, absent.remedy)
    if not (origin := keys.origin(key)):
        return Usable(model, what, False, "no key", f"set ${key}, or store it with `keyring set {keys.SERVICE} {key}`")
    return Usable(model, what, True, f"key from the {origin}")


def _local() -> Iterator[Usable]:
    there = smollm2.path().exists()
    how = "fetched" if there else "is fetched at its first use (93 MB)"
    for model, what, extra, packages in (
        (catalog.SMOLLM2, "SmolLM2-135M in this process, by llama.cpp", "local", (*catalog.LLAMA, "gguf")),
        ("gguf:FILE", "a GGUF file in this process, by llama.cpp", "local", catalog.LLAMA),
        (f"hf:{catalog.SMOLLM2}", "SmolLM2-135M in this process, by transformers", "train", (*catalog.TORCH, "gguf")),
        ("hf:FOLDER", "a checkpoint in this process, by transformers", "train", catalog.TORCH),
    ):
        absent = lack(packages, extra)
        own = how if catalog.SMOLLM2 in model else "ready"
        yield Usable(model, what, not absent, absent.message if absent else own, absent.remedy if absent else "")


def _vllm(settings: UserSettings) -> Usable:
    what = "vLLM on a GPU, started here; one that runs already as vllm:NAME@URL"
    if absent := lack(("httpx2",), "agents"):
        return Usable("vllm:NAME", what, False, absent.message, absent.remedy)
    interpreter = settings.vllm.interpreter or vllm_environment.interpreter()
    if interpreter is None:
        remedy = '`sia models get vllm` on a machine with a GPU; or in sia.toml: [vllm] interpreter = "..."'
        return Usable("vllm:NAME", what, False, "no interpreter", remedy)
    there = interpreter.exists()
    remedy = "" if there else "correct [vllm] interpreter in sia.toml"
    return Usable("vllm:NAME", what, there, str(interpreter) if there else f"there is no {interpreter}", remedy)
