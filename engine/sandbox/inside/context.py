"""`ctx`: what `prepare` and `solve` of a harness are given beside their own files."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Call = Callable[[str, Any], Any]
"""Puts an operation and its arguments to the engine, and returns the answer."""


class Model:
    """`ctx.model`: the task agent's model, reached through the engine."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def chat(self, messages: Sequence[Any], **options: Any) -> Any:
        """The model's reply to `messages`."""
        return self._call("model.chat", {"messages": list(messages), **options})

    def score(self, prompt: str, continuations: Sequence[str]) -> Any:
        """The log-probability of each continuation of `prompt`."""
        return self._call("model.score", {"prompt": prompt, "continuations": list(continuations)})


class Tools:
    """`ctx.tools`: the domain's budgeted tools."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def call(self, name: str, **arguments: Any) -> Any:
        """What the tool `name` returns."""
        return self._call("tools.call", {"name": name, "arguments": arguments})


class Context:
    """`ctx`: all that a harness may use beside its own files."""

    def __init__(
        self,
        call: Call,
        seed: int,
        *,
        params: Mapping[str, Any],
        folders: Mapping[str, str],
        train: Sequence[Any],
        prepared: Any,
        line: Any = None,
    ) -> None:
        self.params = dict(params)
        self.folders = dict(folders)
        self.prepared = prepared
        self.rng = random.Random(seed)
        self.model = Model(call)
        self.tools = Tools(call)
        self.line = line
        self._train = train

    def train(self) -> list[Any]:
        """The instances of `train` with their labels."""
        return list(self._train)

    def log(self, *parts: Any) -> None:
        """Writes a line into the job's log."""
        print(*parts, flush=True)
