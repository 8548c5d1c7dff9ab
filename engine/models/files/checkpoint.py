"""A GGUF file converted to an fp32 checkpoint for transformers and peft, cached under the SHA-256 of its source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import SiaError
from engine.models.extras import missing_package
from engine.models.files.cache import models_folder, once, sha256


def weights_of(folder: Path) -> str:
    """The name of a checkpoint's weights: `hf:` and the SHA-256 of its tensor files. Raises `SiaError`."""
    tensors = sorted(folder.glob("*.safetensors"))
    if not tensors:
        raise SiaError(f"{folder} holds no *.safetensors", "name the folder of a complete checkpoint")
    return "hf:" + "+".join(sha256(path) for path in tensors)


def of_gguf(source: Path) -> Path:
    """The folder of the checkpoint made from `source`. Conversion takes half a minute, loading it half a second.

    transformers treats a model loaded from GGUF as quantized and cannot save it, so its tensors are copied into a new
    model.
    """
    return once(models_folder() / "fp32" / sha256(source), lambda fresh: _write(source, fresh))


def _write(source: Path, target: Path) -> None:
    try:
        import gguf  # noqa: F401  transformers reads GGUF through it
        import torch
        from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
    except ModuleNotFoundError as error:
        raise missing_package(str(error.name), "train") from None
    where: dict[str, Any] = {"gguf_file": source.name}
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(source.parent, dtype=torch.float32, **where)
        config: Any = AutoConfig.from_pretrained(source.parent, **where)
        tokenizer: Any = AutoTokenizer.from_pretrained(source.parent, **where)
    except (ValueError, OSError, RuntimeError) as error:
        raise SiaError(
            f"transformers cannot read {source} ({error})", "name a GGUF file of an architecture that it supports"
        ) from None
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    clean: Any = AutoModelForCausalLM.from_config(config, dtype=torch.float32)
    clean.load_state_dict(loaded.state_dict())
    clean.save_pretrained(target)
    tokenizer.save_pretrained(target)
