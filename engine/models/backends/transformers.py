"""A checkpoint in this process, by transformers: the models that the weights lever trains, in fp32, on CPU or GPU.

Slower than llama.cpp, but exact: the code that trains also computes prompts, samples and log-probabilities. A reply
depends on its request alone: the KV cache of a prompt serves one call.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.errors import SiaError
from engine.models.backends.local import Compute, IncrementalText, max_reply_tokens, reject_tools, threadsafe, turns
from engine.models.backends.trie import rows
from engine.models.extras import missing_package
from engine.models.files.adapter import adapter_folder
from engine.models.files.checkpoint import weights_of
from engine.models.protocol import Abilities, Finish, OnText, PermanentError, Reply, Request, ScoreReply, Token
from engine.usage import Usage


class Transformers:
    """A causal language model from a folder with a chat template.

    `weights` is `hf:` and the SHA-256 of its tensor files; `adapters` has a folder in PEFT's format for each adapter.
    """

    abilities = Abilities(tools=False, score=True, choices=True, seed=True, adapters=True, tokens=True)

    def __init__(self, folder: Path, *, adapters: Path | None = None) -> None:
        # Threads that spin while they wait make a shared machine twenty times slower.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            import peft
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer
            from transformers.utils import logging

            from engine.models.backends.forward_pass import predict
        except ModuleNotFoundError as error:
            raise missing_package(str(error.name), "train") from None
        logging.disable_progress_bar()  # standard error belongs to the run
        logging.set_verbosity_error()
        warnings.filterwarnings("ignore", category=FutureWarning, module="torch|transformers|peft")
        self.weights = weights_of(folder)
        self._torch: Any = torch
        self._peft: Any = peft
        self._predict = predict
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        self._tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        if not self._tokenizer.chat_template:
            raise SiaError(f"{folder} has no chat template", "choose a checkpoint of a chat model")
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(self._device).eval()
        self._context = int(self._model.config.max_position_embeddings)
        ends = self._model.generation_config.eos_token_id
        self._ends = {self._tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])}
        self._adapters = adapters
        self._adapted: Any = None  # the model with its adapters, which share its layers
        self._loaded: set[str] = set()
        self._compute = Compute("transformers")

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; one of `choices` is picked by log-probability. Raises `PermanentError`."""
        reject_tools(request)
        if request.schema:
            raise PermanentError("this backend has no grammar", "use gguf: for replies under a schema")
        tell = threadsafe(on_text)
        return await self._compute.run(lambda stop: self._chat(request, tell, stop))

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        """Log-probabilities of `continuations` after `prompt`; each is tokenized by itself."""
        return await self._compute.run(lambda _: self._score(self._ids(prompt), continuations, adapter))

    async def close(self) -> None:
        await self._compute.close(lambda: self.__dict__.pop("_model", None))

    def _chat(self, request: Request, on_text: OnText | None, stop: threading.Event) -> Reply:
        text = self._tokenizer.apply_chat_template(turns(request.messages), tokenize=False, add_generation_prompt=True)
        prompt = self._ids(text)
        left = max_reply_tokens(request, len(prompt), self._context)
        if request.choices:
            return self._choose(request, prompt, on_text)
        self._activate(request.adapter)
        torch, random = self._torch, self._torch.Generator().manual_seed(request.seed)
        output, tokens = IncrementalText(request.stop, on_text), list[Token]()
        finish: Finish = "length"
        ids, past, ended, before = prompt, None, 0, [""]
        with torch.inference_mode():
            while len(tokens) < left and not stop.is_set():
                out = self._model(input_ids=self._tensor(ids), past_key_values=past, use_cache=True)
                past, row = out.past_key_values, out.logits[0, -1].double().cpu()
                token = self._sample(row, request, random)
                tokens.append(Token(token, float(torch.log_softmax(row, -1)[token])))
                if token in self._ends:
                    finish, ended = "stop", 1
                    break
                if output.add(self._new_text(tokens, before)):
                    finish = "stop"
                    break
                ids = [token]
        output.add(b"", final=True)
        usage = Usage(input=len(prompt), output=len(tokens) - ended)
        return Reply(output.text, finish, usage, prompt_ids=prompt, tokens=tokens)

    def _choose(self, request: Request, prompt: Sequence[int], on_text: OnText | None) -> Reply:
        """The choice with the highest log-probability; at a temperature, one drawn in proportion to probability."""
        scored = self._score(prompt, request.choices, request.adapter)
        torch = self._torch
        row = torch.tensor(list(scored.logprobs), dtype=torch.float64)
        drawn = self._sample(row, request, torch.Generator().manual_seed(request.seed))
        text = request.choices[drawn]
        if on_text:
            on_text(text)
        ids = self._ids(text)
        return Reply(text, "stop", Usage(input=scored.usage.input, output=len(ids)), prompt_ids=list(prompt))

    def _sample(self, row: Any, request: Request, random: Any) -> int:
        torch = self._torch
        if request.temperature == 0:
            return int(row.argmax())
        chances = torch.softmax(row / request.temperature, -1)
        if request.top_p < 1:
            ordered, order = chances.sort(descending=True, stable=True)
            ordered[(ordered.cumsum(-1) - ordered) >= request.top_p] = 0
            chances = torch.zeros_like(chances).scatter(0, order, ordered)
        return int(torch.multinomial(chances, 1, generator=random))

    def _score(self, given: Sequence[int], continuations: Sequence[str], adapter: str | None) -> ScoreReply:
        endings = [self._ids(text) for text in continuations]
        max_reply_tokens(Request(self.weights, ()), len(given) + max(map(len, endings), default=0), self._context)
        self._activate(adapter)
        spoken = [0.0] * len(endings)
        calls = [(i, given, ending) for i, ending in enumerate(endings)]
        with self._torch.inference_mode():
            for row in rows(calls, self._context):
                logprobs = self._predict(self._adapted or self._model, [row]).logprobs.double().cpu()
                for i, path in row.paths:
                    spoken[i] = float(logprobs[path].sum())
        return ScoreReply(spoken, Usage(input=len(given) + sum(map(len, endings))))

    def _activate(self, adapter: str | None) -> None:
        """Activates `adapter`, which is read from disk once; the base is not reloaded."""
        if adapter is None:
            if self._adapted:
                self._adapted.base_model.disable_adapter_layers()
            return
        if adapter not in self._loaded:
            folder = str(adapter_folder(self._adapters, adapter, self.weights))
            if self._adapted is None:
                self._adapted = self._peft.PeftModel.from_pretrained(self._model, folder, adapter_name=adapter)
            else:
                self._adapted.load_adapter(folder, adapter_name=adapter)
            self._adapted.eval()
            self._loaded.add(adapter)
        self._adapted.set_adapter(adapter)
        self._adapted.base_model.enable_adapter_layers()

    def _new_text(self, tokens: Sequence[Token], last: list[str]) -> bytes:
        """The text that the last token adds to `last`, which is updated; split characters come when complete."""
        text = self._tokenizer.decode([token.id for token in tokens], skip_special_tokens=True)
        if text.endswith("\ufffd"):
            return b""
        before, last[0] = last[0], text
        return str(text[len(before) :]).encode()

    def _ids(self, text: str) -> list[int]:
        return list(self._tokenizer(text, add_special_tokens=False)["input_ids"])

    def _tensor(self, ids: Sequence[int]) -> Any:
        return self._torch.tensor([list(ids)], device=self._device)
