"""The port through which the parts of a run reach its log: the state at the log's end, and appending to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.core.state import State
from engine.events import types as t


class Journal(Protocol):
    """What the parts of a live run may use of it."""

    @property
    def state(self) -> State:
        """The state at the end of the log."""
        ...

    def append(
        self, generation: int, *payloads: t.Payload, contents: Sequence[bytes] = (), durable: bool = True
    ) -> None:
        """Appends events and the blobs that they name."""
        ...

    async def append_together(
        self, generation: int, payload: t.Payload, contents: Sequence[bytes], more: Callable[[], bool]
    ) -> None:
        """Appends an event, and returns when it is on the disk.

        While there may be `more` it waits for them, for 5 ms at most: they are written together.
        """
        ...


def generation_now(state: State) -> int:
    """The generation of the open step; without one, the latest: that of what is recorded now."""
    return state.open_step.generation if state.open_step else state.generation
