"""`ctx`: what `prepare` and `solve` of a harness get apart from its own files.

Standard library only: this file is bound into the sandbox and copied into checkouts, so that `ctx` is the same.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

NO_MODEL = "this run has no task model"
NO_TOOLS = "its domain has no tools"
INSTALLED = "installed"
"""The folder of the packages that a harness asks for, in `ctx.folders`; they come before those of this Python."""

Call = Callable[[str, Any], Any]
"""Sends an operation and its arguments to the engine and returns the reply; raises `Refused`."""


class Refused(Exception):
    """A call of a model or a tool was refused."""

    __module__ = "builtins"  # so that messages say `Refused` wherever this file is


@dataclass(frozen=True, slots=True)
class Instance:
    """What `solve` gets, and what `ctx.train()` returns; `label` is set in the latter only."""

    id: str
    data: Any
    label: Any = None


class Model:
    """`ctx.model`: the task agent's model."""

    def __init__(self, call: Call) -> None:
        self._call = call

    def chat(self, messages: Sequence[Any], **options: Any) -> Any:
        """The model's reply to `messages`."""
        return self._call("model.chat", {"messages": list(messages), **options})

    def score(self, prompt: str, continuations: Sequence[str]) -> Any:
        """The log-probability of each continuation of `prompt`."""
        return self._call("model.score", {"prompt": prompt, "continuations": list(continuations)})


class Tools:
    """`ctx.tools`: the domain's budgeted tools. `all` describes them, as `ctx.model.chat(tools=...)` takes them."""

    def __init__(self, call: Call, offered: Sequence[Mapping[str, Any]] = ()) -> None:
        self._call = call
        self.all = list(offered)

    def call(self, name: str, /, **arguments: Any) -> Any:
        """What the tool `name` returns."""
        return self._call("tools.call", {"name": name, "arguments": arguments})

    def answers(self, reply: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The messages with which a conversation goes on after `reply`: the reply, and the result of each call in it.

        A call that is refused has the reason for its result, which the model reads.
        """
        said = {"role": "assistant", **{name: reply[name] for name in ("text", "calls", "blocks") if name in reply}}
        return [said, *map(self._answer, reply["calls"])]

    def _answer(self, call: Mapping[str, Any]) -> dict[str, Any]:
        answer = {"role": "tool", "answers": call["id"]}
        if call.get("invalid"):
            return {**answer, "text": call["invalid"], "failed": True}
        try:
            result = self._call("tools.call", {"name": call["name"], "arguments": call["arguments"]})
        except Refused as refusal:
            return {**answer, "text": str(refusal), "failed": True}
        return {**answer, "text": result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)}


class Context:
    """`ctx`: everything that a harness may use apart from its own files.

    `folders` maps names to the paths of folders that the domain lets it read; `prepared` is what its `prepare`
    returned; `line` is set if a grader talks to the program while it runs; `tools` are those of the domain.
    """

    def __init__(
        self,
        call: Call,
        seed: int,
        *,
        params: Mapping[str, Any],
        folders: Mapping[str, str],
        train: Sequence[Instance],
        prepared: Any = None,
        line: Any = None,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.params = dict(params)
        self.folders = dict(folders)
        self.prepared = prepared
        self.rng = random.Random(seed)
        self.model = Model(call)
        self.tools = Tools(call, tools)
        self.line = line
        self._train = train

    def train(self) -> list[Instance]:
        """The instances of `train` with their labels."""
        return list(self._train)

    def log(self, *parts: Any) -> None:
        """Writes a line into the job's log."""
        print(*parts, flush=True)
