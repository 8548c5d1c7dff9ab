"""The policy in training: a base model in memory, a LoRA adapter in its linear layers, and what both say of tokens.

On a GPU the base is bf16 and the adapter fp32; on a CPU all is fp32. Nothing is dropped out, so that what is computed
depends on weights and tokens alone.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import peft
import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from engine.errors import SiaError
from engine.models.checkpoint import weights_of
from engine.weights.recipe import Recipe
from engine.weights.trie import Row, depths

TENSORS = "adapter_model.safetensors"
CONFIG = "adapter_config.json"


class Spoken(NamedTuple):
    """What a model says of the nodes of some rows, one after the other.

    `logprobs[i]` belongs to node i, `place[i]` is its line in `lines`: log-probabilities of all tokens [lines, tokens],
    of which there is one for each state. `hidden` are the last hidden states [lines, width], where they were asked for.
    """

    logprobs: Any
    place: Any
    lines: Any
    hidden: Any = None

    def entropy(self) -> Any:
        """In nats, of each line."""
        return -(self.lines.exp() * self.lines).sum(-1)


class Policy:
    """A causal language model and its adapter, which begins at zero or where the folder `start` says."""

    def __init__(self, checkpoint: Path, recipe: Recipe, seed: int, start: Path | None = None) -> None:
        self.weights = weights_of(checkpoint)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
        if not self.tokenizer.chat_template:
            raise SiaError(f"{checkpoint} has no chat template", "choose a checkpoint of a chat model")
        base: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=self.dtype).to(self.device)
        ends = base.generation_config.eos_token_id
        self.ends = {self.tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
        self.context = int(base.config.max_position_embeddings)
        self.width = int(base.config.hidden_size)
        self.pad = next(iter(sorted(self.ends)), 0)  # any token: it is masked
        torch.manual_seed(seed)
        if start is None:
            config = peft.LoraConfig(
                r=recipe.rank, lora_alpha=recipe.alpha, target_modules="all-linear", task_type="CAUSAL_LM"
            )
            self.model: Any = peft.get_peft_model(base, config)
        else:
            self.model = peft.PeftModel.from_pretrained(base, str(start), is_trainable=True)
        self.model.eval()

    @property
    def trained(self) -> dict[str, Any]:
        """The adapter's tensors by name, in one order."""
        return {name: value for name, value in sorted(self.model.named_parameters()) if value.requires_grad}

    def digest(self) -> str:
        """SHA-256 over names and numbers of the adapter's tensors."""
        total = hashlib.sha256()
        for name, value in self.trained.items():
            total.update(name.encode() + b"\0" + value.detach().cpu().contiguous().numpy().tobytes())
        return total.hexdigest()

    def tensors(self) -> dict[str, Any]:
        """The adapter's tensors under the names that PEFT's files have, on the CPU in fp32."""
        found = peft.get_peft_model_state_dict(self.model)
        return {name: value.detach().float().cpu().contiguous() for name, value in sorted(found.items())}

    def save(self, folder: Path) -> None:
        """Writes the adapter in PEFT's form; equal adapters give equal files."""
        config = self.model.peft_config["default"]
        save_file(self.tensors(), folder / TENSORS)
        stated = {**config.to_dict(), "base_model_name_or_path": self.weights, "inference_mode": True}
        (folder / CONFIG).write_bytes(_canonical(stated))

    @contextlib.contextmanager
    def base(self) -> Iterator[None]:
        """The base model alone, while the context lasts."""
        with self.model.disable_adapter():
            yield

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, with what it marks as special."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def speak(self, rows: Sequence[Row], temperature: float = 1.0, *, hidden: bool = False) -> Spoken:
        """What the model says of all nodes of `rows`, computed together, at a temperature.

        Prompts end in one column, so that only what follows them passes the large last layer.
        """
        width, inner = max(len(row.prompt) for row in rows), max(len(row.inner) for row in rows)
        ids, places, sees = self._laid_out(rows, width, inner)
        with torch.autocast(self.device.type, dtype=self.dtype, enabled=self.dtype != torch.float32):
            out = self.model(
                input_ids=ids,
                attention_mask=sees,
                position_ids=places,
                use_cache=False,
                logits_to_keep=inner + 1,
                output_hidden_states=hidden,
            )
        at, columns, tokens, place = _nodes(rows)
        lines = torch.log_softmax(out.logits[at, columns].float() / temperature, -1)
        where = torch.tensor(place, device=self.device)
        spoken = lines[where, torch.tensor(tokens, device=self.device)]
        states = out.hidden_states[-1][:, width - 1 :][at, columns].float() if hidden else None
        return Spoken(spoken, where, lines, states)

    def _laid_out(self, rows: Sequence[Row], width: int, inner: int) -> tuple[Any, Any, Any]:
        """Ids, positions and who sees whom: prompts on the right of their half, trees on the left of theirs."""
        length = width + inner
        ids = torch.full((len(rows), length), self.pad)
        places = torch.zeros((len(rows), length), dtype=torch.long)
        sees = torch.zeros((len(rows), 1, length, length), dtype=torch.bool)
        triangle = torch.ones(width, width, dtype=torch.bool).tril()
        for b, row in enumerate(rows):
            first, depth, count = width - len(row.prompt), depths(row), len(row.inner)
            ids[b, first:width] = torch.tensor(row.prompt)
            places[b, first:width] = torch.arange(len(row.prompt))
            sees[b, 0, first:width, first:width] = triangle[first:, first:]
            column = {node: width + i for i, node in enumerate(row.inner)}
            for node, i in column.items():
                ids[b, i], places[b, i] = row.token[node], len(row.prompt) + depth[node]
                if row.parent[node] >= 0:
                    sees[b, 0, i] = sees[b, 0, column[row.parent[node]]]
                sees[b, 0, i, i] = True
            sees[b, 0, width : width + count, first:width] = True
        sees[:, 0].diagonal(dim1=-2, dim2=-1).fill_(True)  # a row that sees nothing would be NaN
        return ids.to(self.device), places.to(self.device), sees.to(self.device)


def _nodes(rows: Sequence[Row]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Row and column of each state that predicts, then token and state of each node."""
    at: list[int] = []
    columns: list[int] = []
    tokens: list[int] = []
    place: list[int] = []
    for b, row in enumerate(rows):
        state = {-1: len(at)} | {node: len(at) + 1 + i for i, node in enumerate(row.inner)}
        at += [b] * len(state)
        columns += range(len(state))
        tokens += row.token
        place += [state[parent] for parent in row.parent]
    return at, columns, tokens, place


def _canonical(stated: dict[str, Any]) -> bytes:
    import json

    plain = {name: sorted(value) if isinstance(value, set) else value for name, value in stated.items()}
    return json.dumps(plain, indent=2, sort_keys=True, default=str).encode() + b"\n"
