"""The engine's end of `ctx.tools`: checks, bounds and records a harness's use of its domain's tools.

Calls are untrusted. What is wrong with one is refused in a sentence, which the harness gets as an exception. A tool is
made from what the harness may learn from, and is told the data of the instance, not its name.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from domains.contract import Instance
from engine import plain
from engine.grading.client import Grader, GraderFailed
from engine.grading.toolbox import ToolFacts
from engine.models.calling import Position
from engine.plain import plural
from engine.sandbox import Broker, CallRefused

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
"""The types of JSON schema, as they arrive."""


class Use(msgspec.Struct, frozen=True):
    """A use of a tool. `arguments` and `result` are JSON; the result of one that `failed` is the reason."""

    at: Position
    name: str
    arguments: bytes
    result: bytes
    failed: bool
    wall_s: float


OnTool = Callable[[Use], None]
"""Is told each use of a tool."""


def unrecorded(use: Use) -> None:
    """For evaluations without a log."""


class _Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `ctx.tools.call`."""

    name: str
    arguments: dict[str, Any] = {}


class ToolBroker:
    """Answers `ctx.tools`, and leaves all other calls to `others`.

    `material` is what the harness may learn from, with a name; `data` is that of each job; `harness` is its commit.
    """

    def __init__(
        self,
        others: Broker,
        grader: Grader,
        material: tuple[str, Sequence[Instance]],
        data: Mapping[str, Any],
        harness: str,
        on_tool: OnTool,
    ) -> None:
        self._others, self._grader, self._material, self._data = others, grader, material, data
        self._harness, self._on_tool = harness, on_tool
        self._used: dict[str, dict[int, str]] = {}

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        """As `Broker.call`."""
        if op != "tools.call":
            return await self._others.call(job_key, op, payload, ordinal)
        if job_key is None:
            raise CallRefused("tools are there in solve, not in prepare")
        try:
            asked = msgspec.convert(payload, _Asked)
            plain.check(asked.arguments)
        except (msgspec.ValidationError, plain.NotPlain) as error:
            raise CallRefused(f"the call is not valid: {error}") from None
        began = time.monotonic()
        reply = await self._answer(job_key, asked, ordinal)
        failed, result = "refused" in reply, reply.get("refused", reply.get("result"))
        use = Use(
            Position("task", job_key, ordinal, self._harness),
            asked.name,
            msgspec.json.encode(asked.arguments, order="deterministic"),
            msgspec.json.encode(result, order="deterministic"),
            failed,
            round(time.monotonic() - began, 3),
        )
        self._on_tool(use)
        if failed:
            raise CallRefused(result)
        return result

    async def _answer(self, job_key: str, asked: _Asked, ordinal: int) -> dict[str, Any]:
        known = {one.name: one for one in await self._grader.tools()}
        if (tool := known.get(asked.name)) is None:
            return {"refused": f"there is no tool {asked.name!r}; there are {', '.join(known)}"}
        # a job that is tried again counts its calls anew
        used = {n: name for n, name in self._used.get(job_key, {}).items() if n < ordinal}
        self._used[job_key] = {**used, ordinal: tool.name}
        if list(used.values()).count(tool.name) >= tool.calls:
            return {"refused": f"a solve may use {tool.name} {plural(tool.calls, 'time')} at most"}
        if wrong := fault(tool, asked.arguments):
            return {"refused": wrong}
        try:
            return await self._grader.use_tool(self._material, tool.name, asked.arguments, self._data[job_key])
        except GraderFailed as error:
            return {"refused": f"the tool {tool.name} failed: {error}"}


def fault(tool: ToolFacts, arguments: Mapping[str, Any]) -> str:
    """What is wrong with the arguments of a call, as far as types, names, choices and bounds go; empty if nothing."""
    properties: Mapping[str, Any] = tool.parameters.get("properties", {})
    if unknown := sorted(arguments.keys() - properties.keys()):
        return f"{tool.name} has no argument {unknown[0]!r}; it has {', '.join(properties) or 'none'}"
    if missing := [name for name in tool.parameters.get("required", ()) if name not in arguments]:
        return f"{tool.name} needs the argument {missing[0]!r}"
    for name, value in arguments.items():
        schema = properties[name]
        kinds = _KINDS.get(schema.get("type", ""), (object,))
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
            return f"the argument {name!r} of {tool.name} must have the type {schema['type']}"
        if "enum" in schema and value not in schema["enum"]:
            return f"the argument {name!r} of {tool.name} is one of {', '.join(map(str, schema['enum']))}"
        low, high = schema.get("minimum"), schema.get("maximum")
        if (low is not None and value < low) or (high is not None and value > high):
            return f"the argument {name!r} of {tool.name} lies between {low} and {high}"
    return ""
