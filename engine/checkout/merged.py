"""Merges an adapter into its base: a checkpoint of its own, which needs neither PEFT nor the base.

torch is imported where a model is written, so that all else works without it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from engine.errors import SiaError
from engine.models import catalog
from engine.models.extras import find_missing
from engine.models.files.adapter import adapter_folder
from engine.models.files.checkpoint import weights_of
from engine.models.protocol import PermanentError

FOLDER = "merged"


class Merge:
    """The merge of an adapter of the workspace into the model that a run names.

    Raises `SiaError` where it cannot be made: the model is none that can be trained or is not here, it is not the
    adapter's base, or the extra `train` is missing.
    """

    def __init__(self, model: str, adapters: Path, adapter: str | None) -> None:
        if adapter is None:
            raise SiaError("the candidate has the base model's weights, so there is nothing to merge", "leave --as out")
        if absent := find_missing(catalog.TORCH, "train"):
            raise absent
        self._checkpoint = catalog.checkpoint_of(catalog.parse(model))
        try:
            self._adapter = adapter_folder(adapters, adapter, weights_of(self._checkpoint))
        except PermanentError as error:
            raise SiaError(str(error), error.remedy) from None

    def write(self, target: Path) -> None:
        """Writes the checkpoint into the new folder `target`: safetensors, configuration and tokenizer.

        It is computed in fp32 and rounded once, to the base's own precision.
        """
        import torch
        from peft import PeftModel
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()  # standard error belongs to the command
        logging.set_verbosity_error()
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch|transformers|peft")
        base: Any = AutoModelForCausalLM.from_pretrained(self._checkpoint, dtype="auto")
        precision = base.dtype
        whole: Any = PeftModel.from_pretrained(base.to(torch.float32), str(self._adapter)).merge_and_unload()
        whole.to(precision).save_pretrained(target)
        tokenizer: Any = AutoTokenizer.from_pretrained(self._checkpoint)
        tokenizer.save_pretrained(target)
