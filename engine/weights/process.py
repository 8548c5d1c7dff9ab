"""The training process: holds the model, generates replies and learns. Started by `engine.weights.client`.

It exchanges frames over standard input and output; output of libraries goes to standard error.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from engine import pipes
from engine.errors import SiaError
from engine.models.extras import missing_package
from engine.models.protocol import Request
from engine.weights.recipe import Recipe
from engine.weights.sample import Sample
from engine.weights.trl import choice

Send = Callable[[dict[str, Any]], None]


class Service:
    """The operations that the engine may call, by name."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._session: Any = None

    def open(
        self, places: list[str | None], recipe: dict[str, Any], seed: int, threads: int, trainer: choice.Setting
    ) -> dict[str, Any]:
        """Loads the model; returns facts about this training."""
        try:
            from engine.weights.training_session import TrainingSession
        except ModuleNotFoundError as error:
            raise missing_package(str(error.name), "train") from None
        checkpoint, start, state = (None if place is None else Path(place) for place in places)
        assert checkpoint  # noqa: S101 - always given
        made = msgspec.convert(recipe, Recipe)
        self._session = TrainingSession(checkpoint, made, seed, start, state, threads, trainer)
        return dict(self._session.facts)

    def generate(self, requests: list[Any]) -> list[Any]:
        """Replies of the current policy."""
        return list(self._session.generate(msgspec.convert(requests, list[Request])))

    def learn(self, number: int, samples: list[Any]) -> dict[str, float]:
        """Learns from a round, and reports progress."""
        return dict(
            self._session.learn(
                number, msgspec.convert(samples, list[Sample]), lambda found: self._send({"report": found})
            )
        )

    def policy(self) -> str:
        """The digest of the adapter."""
        return str(self._session.digest())

    def save(self, folder: str) -> None:
        """Writes a checkpoint."""
        self._session.save(Path(folder))

    def export(self, adapters: str, lineage: dict[str, Any]) -> str:
        """Writes the adapter under its id."""
        return str(self._session.export(Path(adapters), lineage))


def main() -> None:
    """Serves one engine until it closes the pipe or dies."""
    pipes.die_with_parent()
    channel_in, channel_out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a library that prints must not break the frames
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def send(reply: dict[str, Any]) -> None:
        channel_out.write(pipes.pack(reply))
        channel_out.flush()

    service = Service(send)
    while (request := pipes.read(channel_in)) is not None:
        operation, arguments = request
        try:
            send({"ok": getattr(service, operation)(*arguments)})
        except SiaError as error:
            send({"refused": [error.message, error.remedy]})
        except MemoryError:
            send({"failed": [f"not enough memory to {operation}", "resource"]})
        except Exception as error:
            send({"failed": [f"{operation}: {type(error).__name__}: {error}", _kind(error)]})


def _kind(error: Exception) -> str:
    """`resource` if the message says that memory ran out: torch has no error class for that on a CPU."""
    words = ("out of memory", "can't allocate memory", "not enough memory")
    return "resource" if any(word in str(error).lower() for word in words) else "infrastructure"


if __name__ == "__main__":
    main()
