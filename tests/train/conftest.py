"""The real SmolLM2 as a checkpoint, and a made-up adapter for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.models.files import smollm2
from engine.models.files.checkpoint import weights_of
from engine.weights.adapters import keep


@pytest.fixture(scope="session")
def shipped() -> Path:
    """SmolLM2 as its package carries it."""
    return smollm2.fetch(lambda _: None)


@pytest.fixture(scope="session")
def folder(shipped: Path) -> Path:
    """SmolLM2 as a checkpoint in fp32."""
    from engine.models.files.checkpoint import of_gguf

    return of_gguf(shipped)


@pytest.fixture(scope="session")
def adapters(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One LoRA adapter in PEFT's form, random and strong enough to change what is said."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    place, made = tmp_path_factory.mktemp("adapters"), tmp_path_factory.mktemp("made")
    torch.manual_seed(1)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=["o_proj", "up_proj"], layers_to_transform=[0, 1, 2, 3])
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 0.15)
    model.save_pretrained(made)
    keep(place, made, base=weights_of(folder), architecture="llama", lineage={})
    return place
