"""What the trainer tells other programs: an adapter's fingerprint; and an adapter of plain PEFT, which comes in."""

from __future__ import annotations

import asyncio
import math
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("peft", reason="needs the extra train")

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from engine.models.files.adapter import manifest
from engine.models.files.fingerprint import Served, mismatch
from engine.models.files.foreign_adapter import CONFIG, TENSORS, config_for
from engine.weights.client import open_trainer
from engine.weights.policy import Policy
from engine.weights.recipe import recipe
from tests.train import tiny
from tests.train.test_trainer import SMALL, round_of

pytestmark = pytest.mark.train


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.checkpoint(tmp_path_factory.mktemp("tiny"))


def computed(model: Path, ids: list[int], adapter: Path | None = None) -> list[float]:
    """Log-probabilities by plain transformers and PEFT."""
    loaded = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    if adapter:
        loaded = PeftModel.from_pretrained(loaded, str(adapter))
    with torch.inference_mode():
        rows = torch.log_softmax(loaded(input_ids=torch.tensor([ids])).logits[0], -1)
    return [float(rows[at, token]) for at, token in enumerate(ids[1:])]


def test_an_adapter_tells_what_every_other_program_must_say_with_it(model: Path, tmp_path: Path) -> None:
    async def go() -> list[str]:
        names = []
        async with open_trainer(model, recipe("grpo", SMALL), 1, threads=1) as trainer:
            for number in range(1, 4):
                await round_of(trainer, number)
                names.append(await trainer.export(tmp_path, {}))
        return names

    served: dict[str, Served] = {}
    for name in asyncio.run(go()):
        told = manifest(tmp_path / name).fingerprint
        assert told and len(told.base) == len(told.adapter) == len(told.ids) - 1 > 30
        ids, base = list(told.ids), computed(model, list(told.ids))
        new = computed(model, ids, tmp_path / name)
        for mine, theirs in ((told.base, base), (told.adapter, new)):
            assert all(math.isclose(a, b, abs_tol=1e-4) for a, b in zip(mine, theirs, strict=True))
        assert mismatch(base, Served(new, told), served) == ""
        assert "base model" in mismatch(base, Served(base, told), served)
        for other, before in served.items():
            assert other[:12] in mismatch(base, Served(before.logprobs, told), served)
        served[name] = Served(new, told)
    assert len(served) == 3


def test_an_adapter_of_plain_peft_is_taken_and_trained_on(model: Path, tmp_path: Path) -> None:
    torch.manual_seed(1)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["q_proj", "up_proj"], layers_to_transform=[1])
    made = get_peft_model(AutoModelForCausalLM.from_pretrained(model), config)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if "lora_" in name:
                weight.normal_(0, 0.3)
    made.save_pretrained(tmp_path / "theirs")
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / CONFIG).write_bytes(config_for(tmp_path / "theirs", model, "hf:1"))
    shutil.copy(tmp_path / "theirs" / TENSORS, mine / TENSORS)
    ids = [3, 4, 5, 6, 7, 8]
    theirs = computed(model, ids, tmp_path / "theirs")
    assert theirs != computed(model, ids)
    assert computed(model, ids, mine) == theirs
    policy = Policy(model, recipe("grpo", SMALL), 1, start=mine)
    assert len(policy.trained) == 4  # two matrices in each of two layers, and no others
    assert policy.fingerprint().adapter != policy.fingerprint().base
