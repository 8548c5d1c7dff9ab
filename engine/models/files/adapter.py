"""A LoRA adapter on disk: its files, its manifest, and its name, which is their digest.

    adapter_config.json  adapter_model.safetensors     PEFT's format, for transformers and vLLM
    adapter.gguf                                       llama.cpp's format, if the architecture has one
    manifest.json                                      the base model, the adapter's lineage and its fingerprint

The folder's name is the SHA-256 over the base's name and the names and digests of the first three files.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import msgspec

from engine import containment
from engine.models.files.cache import sha256
from engine.models.files.fingerprint import Fingerprint
from engine.models.protocol import PermanentError

MANIFEST = "manifest.json"
GGUF = "adapter.gguf"
FILES = (GGUF, "adapter_config.json", "adapter_model.safetensors")


class Manifest(msgspec.Struct, frozen=True):
    """An adapter's base model and origin, and what a server must say with it; only `base` enters the adapter's name."""

    base: str
    architecture: str = ""
    lineage: dict[str, Any] = {}
    fingerprint: Fingerprint | None = None


def manifest(folder: Path) -> Manifest:
    """The adapter's manifest; raises `OSError` or `msgspec.MsgspecError` if it cannot be read."""
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)


def identity(folder: Path) -> str:
    """The name that an adapter's folder must have; raises as `manifest` does."""
    total = hashlib.sha256(b"base\0" + manifest(folder).base.encode() + b"\n")
    for name in FILES:
        if (folder / name).exists():
            total.update(f"{name}\0{sha256(folder / name)}\n".encode())
    return total.hexdigest()


def adapter_folder(adapters: Path | None, adapter: str, weights: str) -> Path:
    """The folder of an adapter for the base `weights`; raises `PermanentError` if missing, damaged or of another.

    Bases are compared if both have the same kind of name, `hf:` or `gguf:`; a converted base has another digest.
    """
    if adapters is None or not (folder := containment.inside(adapters.parent, adapters.name, adapter)).is_dir():
        raise PermanentError(
            f"there is no adapter {adapter[:12]}", "it was trained in another workspace: copy its folder"
        )
    try:
        sound, base = identity(folder) == adapter, manifest(folder).base
    except (OSError, msgspec.MsgspecError):
        sound, base = False, ""
    if not sound:
        raise PermanentError(
            f"the adapter {adapter[:12]} is damaged: its files do not match its name", "copy its folder again"
        )
    kind, _, _ = base.partition(":")
    if weights.startswith(f"{kind}:") and weights != base:
        raise PermanentError(
            f"the adapter {adapter[:12]} belongs to another base model", f"serve {base[:20]}, or leave it out"
        )
    return folder
