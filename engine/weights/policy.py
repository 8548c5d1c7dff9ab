"""The policy in training: a base model with a LoRA adapter in its linear layers, and their log-probabilities.

On a GPU the base is bf16 and the adapter fp32; on a CPU both are fp32. There is no dropout, so that results depend on
weights and tokens alone.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import peft
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from engine.errors import SiaError
from engine.models.backends.forward_pass import Prediction, predict
from engine.models.backends.trie import Row
from engine.models.files.checkpoint import weights_of
from engine.models.files.fingerprint import TEXT, TOKENS, Fingerprint
from engine.weights.recipe import Recipe

TENSORS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


class Policy:
    """A causal language model and its adapter, which starts at zero or from the folder `start`."""

    def __init__(self, checkpoint: Path, recipe: Recipe, seed: int, start: Path | None = None) -> None:
        self.weights = weights_of(checkpoint)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        if not self.tokenizer.chat_template:
            raise SiaError(f"{checkpoint} has no chat template", "choose a checkpoint of a chat model")
        config: Any = AutoConfig.from_pretrained(checkpoint)
        for name, value in config.to_dict().items():
            if isinstance(value, float) and ("dropout" in name or "pdrop" in name):
                setattr(config, name, 0.0)  # TRL's trainers set the mode in which it would be used
        base: Any = AutoModelForCausalLM.from_pretrained(checkpoint, config=config, dtype=self.dtype).to(self.device)
        ends = base.generation_config.eos_token_id
        self.ends = {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self.context = int(base.config.max_position_embeddings)
        self.width = int(base.config.hidden_size)
        self.pad = next(iter(sorted(self.ends)), 0)  # any token: it is masked
        torch.manual_seed(seed)
        if start is None:
            plain = peft.LoraConfig(
                r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
            )
            self.model: Any = peft.get_peft_model(base, plain)
        else:
            self.model = peft.PeftModel.from_pretrained(base, str(start), is_trainable=True)
        self.model.eval()

    @property
    def trained(self) -> dict[str, Any]:
        """The adapter's tensors by name, sorted."""
        return {name: value for name, value in sorted(self.model.named_parameters()) if value.requires_grad}

    def digest(self) -> str:
        """SHA-256 over names and values of the adapter's tensors."""
        total = hashlib.sha256()
        for name, value in self.trained.items():
            total.update(name.encode() + b"\0" + value.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()

    def tensors(self) -> dict[str, Any]:
        """The adapter's tensors under PEFT's names, on the CPU in fp32."""
        found = peft.get_peft_model_state_dict(self.model)
        return {name: value.detach().float().cpu().contiguous() for name, value in sorted(found.items())}

    def save(self, folder: Path) -> None:
        """Writes the adapter in PEFT's format; equal adapters give equal files."""
        config = self.model.peft_config["default"]
        save_file(self.tensors(), folder / TENSORS)
        stated = {**config.to_dict(), "base_model_name_or_path": self.weights, "inference_mode": True}
        (folder / CONFIG).write_bytes(_canonical(stated))

    def load(self, folder: Path) -> None:
        """Takes over the tensors of an adapter of the same form, which `save` wrote."""
        peft.set_peft_model_state_dict(self.model, load_file(folder / TENSORS))

    @contextlib.contextmanager
    def base(self) -> Iterator[None]:
        """Disables the adapter while the context lasts."""
        with self.model.disable_adapter():
            yield

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, special tokens included."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def fingerprint(self) -> Fingerprint:
        """What base and adapter say of the fixed text, by which a server's adapter is told from others."""
        ids = self.ids(TEXT)[: min(TOKENS, self.context)]

        def logprobs() -> list[float]:
            row = torch.tensor([ids], device=self.device)
            with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, self.dtype != torch.float32):
                found = torch.log_softmax(self.model(input_ids=row).logits[0, :-1].float(), -1)
            return [float(value) for value in found.gather(1, row[0, 1:, None])[:, 0].cpu()]

        adapter = logprobs()
        with self.base():
            return Fingerprint(ids, logprobs(), adapter)

    def predict(self, rows: Sequence[Row], temperature: float = 1.0, *, hidden: bool = False) -> Prediction:
        """The policy's predictions for all target nodes of `rows`; see `engine.models.backends.forward_pass`."""
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            return predict(self.model, rows, temperature, hidden=hidden)


def _canonical(stated: dict[str, Any]) -> bytes:
    import json

    plain = {name: sorted(value) if isinstance(value, set) else value for name, value in stated.items()}
    return json.dumps(plain, indent=2, sort_keys=True, default=str).encode() + b"\n"
