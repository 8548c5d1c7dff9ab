"""A domain's tools in the grading process: what they are, and their use on what a harness may learn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from domains.contract import Count, Domain, Instance, Tool, ToolRefused
from engine import plain
from engine.grading.returned import WrongReturn

MOST_BYTES = 256 << 10
"""The longest result of a tool, as JSON."""
KEPT = 4
"""Sets of instances for which tools are kept: those of the harnesses that run at one time."""


class ToolFacts(msgspec.Struct, frozen=True):
    """What is known of a tool outside of the grading process."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    calls: Count


class Toolbox:
    """The tools of `domain` by the names of what they were made from."""

    def __init__(self, domain: Domain) -> None:
        self._domain = domain
        self._made: dict[str, dict[str, Tool]] = {}

    def facts(self) -> list[ToolFacts]:
        """What the tools are."""
        return [ToolFacts(one.name, one.description, one.parameters, one.calls) for one in self._tools(()).values()]

    def learn(self, name: str, train: Sequence[Instance]) -> None:
        """Makes the tools from `train`; the oldest of more than `KEPT` are forgotten."""
        self._made.pop(name, None)
        self._made[name] = self._tools(train)
        if len(self._made) > KEPT:
            del self._made[next(iter(self._made))]

    def use(self, name: str, tool: str, arguments: Mapping[str, Any], data: Any) -> dict[str, Any]:
        """The `result` of a tool, or why it was `refused`."""
        try:
            result = self._made[name][tool].run(data, **arguments)
            plain.check(result)
        except ToolRefused as error:
            return {"refused": " ".join(str(error).split())}
        except plain.NotPlain as error:
            raise WrongReturn(f"the tool {tool} returns {error}") from None
        if (size := len(msgspec.json.encode(result))) > MOST_BYTES:
            return {"refused": f"the result has {size:,} bytes; {MOST_BYTES:,} may be returned"}
        return {"result": result}

    def _tools(self, train: Sequence[Instance]) -> dict[str, Tool]:
        made: Sequence[Tool] = self._domain.tools(list(train))  # type: ignore[attr-defined]
        if wrong := [one for one in made if not isinstance(one, Tool)]:
            raise WrongReturn(f"tools returned a value of type {type(wrong[0]).__name__}, not a Tool")
        return {one.name: one for one in made}
