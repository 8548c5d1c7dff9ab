"""One training in the training process: a policy, a learner, and their files."""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import torch

from domains import atomic
from engine.errors import SiaError
from engine.models.extras import find_missing
from engine.models.files.adapter import GGUF
from engine.models.protocol import Reply, Request
from engine.weights import adapters, gguf
from engine.weights.generation import generate
from engine.weights.learner import Learner
from engine.weights.learning import OwnLearner
from engine.weights.policy import Policy
from engine.weights.recipe import Recipe
from engine.weights.sample import Sample
from engine.weights.trl import choice

LEARNER_FILE = "learner.pt"
STATE_FILE = "state.json"
_VERSIONS = {
    "ours": ("torch", "transformers", "peft"),
    "trl": ("torch", "transformers", "peft", "trl", "accelerate"),
}


class StateManifest(msgspec.Struct, frozen=True):
    """The training that a checkpoint belongs to, and its number of rounds."""

    weights: str
    recipe: Recipe
    seed: int
    rounds: int


class TrainingSession:
    """A training that starts from scratch, from an adapter, or from a checkpoint of its own."""

    def __init__(
        self,
        checkpoint: Path,
        recipe: Recipe,
        seed: int,
        start: Path | None,
        state: Path | None,
        threads: int,
        trainer: choice.Setting = "auto",
    ) -> None:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(True, warn_only=True)
        for place in (checkpoint, start, state):
            if place is not None and not place.is_dir():
                raise SiaError(f"there is no folder {place}", "name an existing folder")
        self._recipe, self._seed, self._rounds = recipe, seed, 0
        self._policy = Policy(checkpoint, recipe, seed, start or state)
        self.trainer, self._learner = _learner(self._policy, recipe, seed, checkpoint, trainer)
        if state is not None:
            self._restore(state)
        config = self._policy.model.peft_config["default"]
        self.facts = {
            "base": self._policy.weights,
            "trainer": self.trainer,
            "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
            "dtype": str(self._policy.dtype).removeprefix("torch."),
            "threads": threads,
            "seed": seed,
            "rank": config.r,
            "alpha": config.lora_alpha,
            "trainable": sum(value.numel() for value in self._policy.trained.values()),
            "rounds": self._rounds,
            "versions": {name: importlib.metadata.version(name) for name in _VERSIONS[self.trainer]},
        }

    def generate(self, requests: Sequence[Request]) -> list[Reply]:
        """Replies of the current policy."""
        return generate(self._policy, requests)

    def learn(self, number: int, samples: Sequence[Sample], report: Callable[[dict[str, float]], None]) -> Any:
        """Learns from a round; returns its measures."""
        measures = self._learner.learn(number, samples, report)
        self._rounds = number
        return measures

    def digest(self) -> str:
        """The digest of the current adapter."""
        return self._policy.digest()

    def save(self, folder: Path) -> None:
        """Writes adapter, optimizer and count of rounds; random numbers depend on seed and round alone."""
        manifest = StateManifest(self._policy.weights, self._recipe, self._seed, self._rounds)
        with atomic.create(folder) as fresh:
            fresh.mkdir()
            self._policy.save(fresh)
            torch.save(self._learner.state(), fresh / LEARNER_FILE)
            (fresh / STATE_FILE).write_bytes(msgspec.json.encode(manifest))

    def _restore(self, folder: Path) -> None:
        try:
            manifest = msgspec.json.decode((folder / STATE_FILE).read_bytes(), type=StateManifest)
            state = torch.load(folder / LEARNER_FILE, weights_only=True)
        except (OSError, msgspec.MsgspecError, RuntimeError):
            raise SiaError(f"the training state in {folder} is damaged", "resume from an earlier one") from None
        if (manifest.weights, manifest.recipe, manifest.seed) != (self._policy.weights, self._recipe, self._seed):
            raise SiaError(f"the training state in {folder} belongs to another training", "resume from its own state")
        self._rounds = manifest.rounds
        self._learner.restore(state)

    def export(self, place: Path, lineage: Mapping[str, Any]) -> str:
        """Writes the adapter into the folder `place` under its id, with its lineage."""
        config = self._policy.model.get_base_model().config
        origin = {**lineage, "recipe": msgspec.to_builtins(self._recipe), "facts": self.facts, "rounds": self._rounds}
        with tempfile.TemporaryDirectory() as temporary:
            made = Path(temporary)
            self._policy.save(made)
            if config.model_type in gguf.ARCHITECTURES:
                tensors = {name: value.numpy() for name, value in self._policy.tensors().items()}
                gguf.write(
                    tensors,
                    made / GGUF,
                    alpha=float(self._policy.model.peft_config["default"].lora_alpha),
                    heads=config.num_attention_heads,
                    kv_heads=config.num_key_value_heads,
                )
            return adapters.keep(
                place,
                made,
                base=self._policy.weights,
                architecture=config.model_type,
                lineage=origin,
                fingerprint=self._policy.fingerprint(),
            )


def _learner(
    policy: Policy, recipe: Recipe, seed: int, checkpoint: Path, setting: choice.Setting
) -> tuple[choice.Trainer, Learner]:
    """The trainer that `setting` and this machine choose; raises `SiaError` where TRL is asked for and missing."""
    devices = max(1, torch.cuda.device_count())
    absent = find_missing(choice.PACKAGES, "train")
    size, memory = sum(path.stat().st_size for path in checkpoint.glob("*.safetensors")), _memory()
    chosen = choice.choose(
        setting, recipe.algorithm, devices=devices, size=size, memory=memory, installed=absent is None
    )
    if chosen == "ours":
        return chosen, OwnLearner(policy, recipe, seed)
    if absent:
        raise absent
    from engine.weights.trl.learner import TrlLearner

    large = choice.is_large(size, memory)
    return chosen, TrlLearner(policy, recipe, seed, checkpoint=checkpoint, devices=devices, is_large=large)


def _memory() -> int:
    """Bytes of the device's memory."""
    if torch.cuda.is_available():
        return int(torch.cuda.get_device_properties(0).total_memory)
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
