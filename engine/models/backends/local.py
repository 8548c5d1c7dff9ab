"""What models in this process have in common: one thread that computes, and text that arrives token by token."""

from __future__ import annotations

import asyncio
import codecs
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.models.protocol import Message, OnText, PermanentError, Request

T = TypeVar("T")


class Compute:
    """One thread: a model in memory does one thing at a time, while the event loop stays free.

    A call that is cancelled is told so through the event that it got, and is waited for by the next one.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[threading.Event], T]) -> T:
        """The result of `work(stop)`; `stop` is set where nobody waits for it any more."""
        stop = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, stop)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def close(self, free: Callable[[], None]) -> None:
        """Runs `free` after all that was begun, and ends the thread."""
        await asyncio.get_running_loop().run_in_executor(self._pool, free)
        self._pool.shutdown()


class IncrementalText:
    """A reply's text as its tokens come: letters cut between tokens are held back, and so is a beginning of `stop`."""

    def __init__(self, stop: Sequence[str], on_text: Callable[[str], None] | None) -> None:
        self.text = ""
        self._stop = [text for text in stop if text]
        self._on_text = on_text
        self._told = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, piece: bytes, *, final: bool = False) -> bool:
        """Takes the bytes of a token; true where the text has come to a stop, which is cut off."""
        self.text += self._decoder.decode(piece, final)
        found = [at for text in self._stop if (at := self.text.find(text)) >= 0]
        if found:
            self.text = self.text[: min(found)]
        self._tell(len(self.text) if final or found else len(self.text) - self._held())
        return bool(found)

    def _held(self) -> int:
        ends = (n for text in self._stop for n in range(len(text) - 1, 0, -1) if self.text.endswith(text[:n]))
        return max(ends, default=0)

    def _tell(self, until: int) -> None:
        if self._on_text and until > self._told:
            self._on_text(self.text[self._told : until])
            self._told = until


def threadsafe(on_text: OnText | None) -> OnText | None:
    """`on_text` for another thread to call; it is called in the event loop."""
    if on_text is None:
        return None
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(on_text, text)

    return tell


def turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The messages as a chat template takes them."""
    return [{"role": message.role, "content": message.text} for message in messages]


def room(request: Request, prompt: int, context: int) -> int:
    """How many tokens the reply may have; raises `PermanentError` where the prompt leaves no room for any."""
    if prompt >= context:
        raise PermanentError(
            f"the context is too long: {prompt} tokens, and the model has {context}", "shorten the prompt"
        )
    return min(request.max_tokens, context - prompt)


def no_tools(request: Request) -> None:
    """Raises `PermanentError` for a request that only a model trained on tools can answer."""
    if request.tools:
        raise PermanentError("this backend has no tools", "describe them in the prompt and ask with a schema")


def threads() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def log_softmax(logits: Any) -> Any:
    """Natural logarithms of the probabilities of all tokens, in double precision."""
    import numpy as np

    wide = np.asarray(logits, dtype=np.float64)
    shifted = wide - wide.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
