"""One adapter, two programs: transformers with PEFT and llama.cpp agree on what it says. Needs both extras."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("peft", reason="needs the extra train")
pytest.importorskip("llama_cpp", reason="needs the extra local, too")

import numpy as np
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.models.backends.llamacpp import LlamaCpp
from engine.models.backends.local import log_softmax
from engine.models.files.f16 import convert
from engine.weights import gguf
from engine.weights.adapters import keep
from engine.weights.policy import Policy
from engine.weights.recipe import recipe

pytestmark = pytest.mark.train
TEXT = """The river Danube rises in the Black Forest of Germany and flows east through ten countries to the Black Sea.
Four capitals stand on its banks: Vienna, Bratislava, Budapest and Belgrade. Bolivia lies in South America, far from
any sea, and its capital is Sucre; Tonga and Fiji are islands of Oceania, and Ghana is a country of West Africa."""


@pytest.fixture(scope="module")
def trained(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter in all linear layers, strong enough that a mistake in it shows, in PEFT's form."""
    policy, place = Policy(folder, recipe("grpo", {"rank": 8, "alpha": 16}), 1), tmp_path_factory.mktemp("trained")
    with torch.no_grad():
        for name, value in policy.trained.items():
            if "lora_B" in name:
                value.normal_(0, 0.05)
    policy.save(place)
    return place


def by_llama(shipped: Path, trained: Path, tmp_path: Path) -> Any:
    """Logits of llama.cpp with the adapter, and without it."""
    tensors = tensors_of(trained)
    made = tmp_path / "made"
    made.mkdir()
    gguf.write(tensors, made / "adapter.gguf", alpha=16, heads=9, kv_heads=3)
    name = keep(tmp_path / "adapters", made, base="hf:0", architecture="llama", lineage={})

    async def go() -> tuple[Any, Any]:
        model = LlamaCpp(convert(shipped), adapters=tmp_path / "adapters")
        try:
            return tuple(_logits(model, adapter) for adapter in (name, None))
        finally:
            await model.close()

    return asyncio.run(go())


def _logits(model: LlamaCpp, adapter: str | None) -> Any:
    model._activate(adapter)
    with model._decode(model.tokenize(TEXT), 0) as count:
        return np.array([model._logits(i) for i in range(count)])


def tensors_of(trained: Path) -> dict[str, Any]:
    from safetensors.numpy import load_file

    return dict(load_file(trained / "adapter_model.safetensors"))


def by_peft(folder: Path, trained: Path) -> tuple[Any, Any]:
    ids = AutoTokenizer.from_pretrained(folder)(TEXT, return_tensors="pt")["input_ids"]
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32), trained)
    model.eval()
    with torch.inference_mode():
        adapted = model(input_ids=ids).logits[0].numpy()
        with model.disable_adapter():
            return adapted, model(input_ids=ids).logits[0].numpy()


def divergence(one: Any, other: Any) -> float:
    """The largest KL over the positions."""
    p, q = log_softmax(one), log_softmax(other)
    return float((np.exp(p) * (p - q)).sum(-1).max())


@pytest.fixture(scope="module")
def peft_says(folder: Path, trained: Path) -> tuple[Any, Any]:
    return by_peft(folder, trained)


def test_both_programs_agree_on_an_adapter(shipped: Path, trained: Path, peft_says: Any, tmp_path: Path) -> None:
    ours, theirs = peft_says, by_llama(shipped, trained, tmp_path)
    print(*[(len(a), np.abs(a - b).max(), divergence(a, b)) for a, b in zip(ours, theirs, strict=True)])
    assert len(ours[0]) >= 60
    assert divergence(ours[0], ours[1]) > 0.1  # the adapter says something of its own
    assert np.abs(ours[0] - theirs[0]).max() <= 0.1
    assert divergence(ours[0], theirs[0]) <= 1e-3


def test_without_the_permutation_of_queries_and_keys_they_do_not(
    shipped: Path, trained: Path, peft_says: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_it_is: Callable[[Any, int], Any] = lambda rows, _: rows  # noqa: E731
    monkeypatch.setattr(gguf, "permute_rows", as_it_is)
    theirs = by_llama(shipped, trained, tmp_path)
    print(np.abs(peft_says[0] - theirs[0]).max(), divergence(peft_says[0], theirs[0]))
    assert np.abs(peft_says[0] - theirs[0]).max() > 0.1
    assert divergence(peft_says[0], theirs[0]) > 1e-3
