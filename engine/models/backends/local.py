"""What models in this process share: one compute thread, and text that arrives token by token."""

from __future__ import annotations

import asyncio
import codecs
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from engine.models.protocol import Message, OnText, PermanentError, Request
from engine.plain import plural

T = TypeVar("T")


class Compute:
    """One thread: a model in memory handles one call at a time, and the event loop stays free.

    A cancelled call learns of it through its event; the next call waits until it has ended.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)

    async def run(self, work: Callable[[threading.Event], T]) -> T:
        """The result of `work(stop)`; `stop` is set when the call is cancelled."""
        stop = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work, stop)
        except asyncio.CancelledError:
            stop.set()
            raise

    async def close(self, free: Callable[[], None]) -> None:
        """Runs `free` after all pending work, and ends the thread."""
        await asyncio.get_running_loop().run_in_executor(self._pool, free)
        self._pool.shutdown()


class IncrementalText:
    """A reply's text, token by token. Holds back incomplete UTF-8 characters and partial stop sequences."""

    def __init__(self, stop: Sequence[str], on_text: Callable[[str], None] | None) -> None:
        self.text = ""
        self._stop = [text for text in stop if text]
        self._on_text = on_text
        self._sent = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, piece: bytes, *, final: bool = False) -> bool:
        """Adds the bytes of a token; true if the text reached a stop sequence, which is cut off."""
        self.text += self._decoder.decode(piece, final)
        found = [at for text in self._stop if (at := self.text.find(text)) >= 0]
        if found:
            self.text = self.text[: min(found)]
        self._send(len(self.text) if final or found else len(self.text) - self._withheld())
        return bool(found)

    def _withheld(self) -> int:
        ends = (n for text in self._stop for n in range(len(text) - 1, 0, -1) if self.text.endswith(text[:n]))
        return max(ends, default=0)

    def _send(self, until: int) -> None:
        if self._on_text and until > self._sent:
            self._on_text(self.text[self._sent : until])
            self._sent = until


def threadsafe(on_text: OnText | None) -> OnText | None:
    """A callback for other threads that calls `on_text` in the event loop."""
    if on_text is None:
        return None
    loop = asyncio.get_running_loop()

    def tell(text: str) -> None:
        loop.call_soon_threadsafe(on_text, text)

    return tell


def turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    """The messages in the form that chat templates expect."""
    return [{"role": message.role, "content": message.text} for message in messages]


def max_reply_tokens(request: Request, prompt: int, context: int) -> int:
    """The most tokens that the reply may have; raises `PermanentError` if the prompt fills the context."""
    if prompt >= context:
        raise PermanentError(
            f"the context is too long: {plural(prompt, 'token')}, and the model has {context}", "shorten the prompt"
        )
    return min(request.max_tokens, context - prompt)


def reject_tools(request: Request) -> None:
    """Raises `PermanentError` for a request with tools."""
    if request.tools:
        raise PermanentError("this backend has no tools", "describe them in the prompt and ask with a schema")


def threads() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def log_softmax(logits: Any) -> Any:
    """The natural log-probabilities of all tokens, in double precision."""
    import numpy as np

    wide = np.asarray(logits, dtype=np.float64)
    shifted = wide - wide.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
