"""A GGUF file in this process, by llama.cpp: constrained output, log-probabilities, adapters swapped without a reload.

Every call starts with an empty context, so that a reply depends on its request alone, not on earlier calls.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.errors import SiaError
from engine.models.backends.local import (
    Compute,
    IncrementalText,
    log_softmax,
    max_reply_tokens,
    reject_tools,
    threads,
    threadsafe,
    turns,
)
from engine.models.extras import missing_package
from engine.models.files.adapter import GGUF, adapter_folder
from engine.models.files.cache import sha256
from engine.models.protocol import Abilities, Finish, OnText, PermanentError, Reply, Request, ScoreReply, Token
from engine.usage import Usage

CONTEXT = 8192
"""The most tokens of context; a model trained on fewer has fewer."""


class LlamaCpp:
    """A model from a GGUF file. `weights` is `gguf:` and the file's SHA-256; `adapters` has a folder per adapter."""

    abilities = Abilities(tools=False, score=True, choices=True, schema=True, seed=True, adapters=True, tokens=True)

    def __init__(self, path: Path, *, adapters: Path | None = None, context: int = CONTEXT) -> None:
        try:
            import llama_cpp
            from llama_cpp.llama_chat_format import Jinja2ChatFormatter
        except ModuleNotFoundError as error:
            raise missing_package(str(error.name), "local") from None
        self._api: Any = llama_cpp
        self.weights = f"gguf:{sha256(path)}"
        count = threads()
        try:
            self._llama: Any = llama_cpp.Llama(
                str(path), n_ctx=context, n_threads=count, n_threads_batch=count, verbose=False
            )
        except ValueError as error:
            raise SiaError(f"llama.cpp cannot read {path} ({error})", "name a complete GGUF file") from None
        self._context = min(context, llama_cpp.llama_model_n_ctx_train(self._llama.model))
        template = self._llama.metadata.get("tokenizer.chat_template")
        if not template:
            raise SiaError(f"{path} has no chat template", "choose a GGUF file of a chat model")
        self._format: Any = Jinja2ChatFormatter(
            template, self._detokenize(self._llama.token_eos()), self._detokenize(self._llama.token_bos())
        )
        self._vocabulary = llama_cpp.llama_model_get_vocab(self._llama.model)
        self._adapters = adapters
        self._active: str | None = None
        self._loaded: dict[str, Any] = {}
        self._compute = Compute("llama.cpp")

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        """One reply; raises `PermanentError`."""
        reject_tools(request)
        tell = threadsafe(on_text)
        return await self._compute.run(lambda stop: self._chat(request, tell, stop))

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        """Log-probabilities of `continuations` after `prompt`; each is tokenized by itself."""
        return await self._compute.run(lambda _: self._score(prompt, continuations, adapter))

    async def close(self) -> None:
        await self._compute.close(self._free)

    def _free(self) -> None:
        for handle in self._loaded.values():
            self._api.llama_adapter_lora_free(handle)
        self._llama.close()

    def _chat(self, request: Request, on_text: OnText | None, stop: threading.Event) -> Reply:
        llama = self._llama
        prompt = self.tokenize(self._format(messages=turns(request.messages)).prompt)
        left = max_reply_tokens(request, len(prompt), self._context)
        self._activate(request.adapter)
        llama.set_seed(request.seed)
        text = IncrementalText(request.stop, on_text)
        tokens: list[Token] = []
        finish: Finish = "length"
        sampling: dict[str, Any] = {"temp": request.temperature, "top_p": request.top_p, "top_k": 0, "min_p": 0.0}
        ended = 0
        for token in llama.generate(prompt, **sampling, grammar=self._grammar(request)):
            tokens.append(Token(token, float(log_softmax(self._logits(-1))[token])))
            if self._api.llama_vocab_is_eog(self._vocabulary, token):
                finish, ended = "stop", 1
                break
            if text.add(llama.detokenize([token])):
                finish = "stop"
                break
            if len(tokens) == left or stop.is_set():
                break
        text.add(b"", final=True)
        usage = Usage(input=len(prompt), output=len(tokens) - ended)
        return Reply(text.text, finish, usage, prompt_ids=prompt, tokens=tokens)

    def _score(self, prompt: str, continuations: Sequence[str], adapter: str | None) -> ScoreReply:
        llama, given = self._llama, self.tokenize(prompt)
        endings = [llama.tokenize(text.encode(), add_bos=False, special=False) for text in continuations]
        max_reply_tokens(Request(self.weights, ()), len(given) + max(map(len, endings), default=0), self._context)
        self._activate(adapter)
        llama.reset()
        llama.eval(given)
        after = log_softmax(self._logits(-1))
        found = [float(after[ending[0]]) + self._rest(ending, len(given)) if ending else 0.0 for ending in endings]
        llama.reset()
        return ScoreReply(found, Usage(input=len(given) + sum(map(len, endings))))

    def tokenize(self, text: str) -> list[int]:
        """The tokens of a prompt, special tokens included."""
        return list(self._llama.tokenize(text.encode(), add_bos=False, special=True))

    def _rest(self, tokens: Sequence[int], at: int) -> float:
        """The log-probability of all but the first of `tokens`; the first is at position `at`."""
        if len(tokens) == 1:
            return 0.0
        with self._decode(tokens[:-1], at) as count:
            rows = log_softmax([self._logits(i) for i in range(count)])
            return float(sum(row[token] for row, token in zip(rows, tokens[1:], strict=True)))

    @contextlib.contextmanager
    def _decode(self, tokens: Sequence[int], at: int) -> Iterator[int]:
        """Evaluates tokens from position `at`, with the logits of each, while the context lasts."""
        api, context = self._api, self._llama.ctx
        batch = api.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for i, token in enumerate(tokens):
                batch.token[i], batch.pos[i], batch.logits[i] = token, at + i, True
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            if api.llama_decode(context, batch):
                raise RuntimeError("llama.cpp could not evaluate a continuation")
            yield len(tokens)
        finally:
            api.llama_memory_seq_rm(api.llama_get_memory(context), 0, at, -1)
            api.llama_batch_free(batch)

    def _logits(self, i: int) -> Any:
        import numpy as np

        pointer = self._api.llama_get_logits_ith(self._llama.ctx, i)
        return np.ctypeslib.as_array(pointer, shape=(self._llama.n_vocab(),)).copy()

    def _grammar(self, request: Request) -> Any:
        grammar = self._api.LlamaGrammar
        if request.choices:
            choices = " | ".join(json.dumps(choice, ensure_ascii=False) for choice in request.choices)
            return grammar.from_string(f"root ::= {choices}", verbose=False)
        if request.schema:
            return grammar.from_json_schema(json.dumps(request.schema), verbose=False)
        return None

    def _activate(self, adapter: str | None) -> None:
        """Empties the context and activates `adapter`; an adapter is read from disk once."""
        api, context = self._api, self._llama.ctx
        self._llama.reset()
        api.llama_memory_clear(api.llama_get_memory(context), True)
        if adapter == self._active:
            return
        if adapter is None:
            api.llama_set_adapters_lora(context, None, 0, None)
        else:
            handles = (api.llama_adapter_lora_p_ctypes * 1)(self._load(adapter))
            api.llama_set_adapters_lora(context, handles, 1, (ctypes.c_float * 1)(1.0))
        self._active = adapter

    def _load(self, adapter: str) -> Any:
        if adapter not in self._loaded:
            path = adapter_folder(self._adapters, adapter, self.weights) / GGUF
            if not path.exists():
                raise PermanentError(
                    f"the adapter {adapter[:12]} has no form for llama.cpp", "serve it by hf: or vllm:"
                )
            handle = self._api.llama_adapter_lora_init(self._llama.model, str(path).encode())
            if not handle:
                raise SiaError(f"llama.cpp cannot read the adapter {path}", "export it to GGUF again")
            self._loaded[adapter] = handle
        return self._loaded[adapter]

    def _detokenize(self, token: int) -> str:
        return "" if token < 0 else self._llama.detokenize([token], special=True).decode()
