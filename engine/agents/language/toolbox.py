"""Tools as data: a struct of the arguments gives the schema for the model, and validates its calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from engine.agents.protocol import AgentTools, InvalidCall, ToolResult
from engine.models.protocol import Tool, ToolCall
from engine.plain import plural

A = TypeVar("A")
_CHECKED = ("default", "maxLength", "maxItems", "minimum", "maximum")


class AgentTool(Protocol):
    """A tool of a conversation."""

    @property
    def tool(self) -> Tool:
        """Its definition, as the model is told it."""
        ...

    async def answer(self, tools: AgentTools, ordinal: int, call: ToolCall) -> ToolResult:
        """The result of the call, from the log where it is there."""
        ...


class ReadTool(msgspec.Struct, frozen=True):
    """A tool without side effects: its definition, and the function that answers a call."""

    tool: Tool
    read: Callable[[ToolCall], str]

    async def answer(self, tools: AgentTools, ordinal: int, call: ToolCall) -> ToolResult:
        """As `AgentTool.answer`."""
        return await tools.use(ordinal, call, lambda: self.use(call))

    async def use(self, call: ToolCall) -> ToolResult:
        """The result of the call; a failed result for an invalid call."""
        try:
            return ToolResult(self.read(call))
        except InvalidCall as error:
            return ToolResult(str(error), failed=True)


def failing(why: str) -> Callable[[], Awaitable[ToolResult]]:
    """Work whose result is a refusal."""

    async def work() -> ToolResult:
        return ToolResult(why, failed=True)

    return work


class Arguments(Generic[A]):
    """The arguments of a tool: a frozen struct of plain values."""

    def __init__(self, name: str, description: str, kind: type[A]) -> None:
        self.tool = Tool(name, description, schema_of(kind))
        self._kind = kind

    def parse(self, call: ToolCall) -> A:
        """The call's arguments; raises `InvalidCall`."""
        if call.invalid:
            raise InvalidCall(f"{call.name}: {call.invalid}")
        try:
            return msgspec.convert(call.arguments, self._kind)
        except msgspec.ValidationError as error:
            raise InvalidCall(f"{call.name}: {error}") from None

    def as_tool(self, read: Callable[[A], str]) -> ReadTool:
        """The tool that answers calls with `read`."""
        return ReadTool(self.tool, lambda call: read(self.parse(call)))


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON schema of a struct, without references."""
    schema = msgspec.json.schema(kind)
    named = schema.pop("$defs", {})

    def inlined(value: Any) -> Any:
        if isinstance(value, list):
            return [inlined(one) for one in value]
        if not isinstance(value, dict):
            return value
        if "$ref" in value:
            return inlined(named[value["$ref"].rsplit("/", 1)[1]])
        return {key: inlined(one) for key, one in value.items() if not (key == "title" and isinstance(one, str))}

    found: dict[str, Any] = inlined(schema)
    return found


def lean(schema: Any) -> Any:
    """A schema without what only the check of a call needs: bounds, defaults, and that nothing else is allowed.

    A model reads the definitions of tools in every request.
    """
    if isinstance(schema, list):
        return [lean(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: lean(value) for key, value in schema.items() if key not in _CHECKED}
    if made.get("additionalProperties") is False:
        del made["additionalProperties"]
    if "properties" in made:  # a struct's words are for who reads the code, and a property may have any name
        made.pop("description", None)
        made["properties"] = {name: lean(value) for name, value in schema["properties"].items()}
    return made


def page(text: str, offset: int, size: int) -> str:
    """At most `size` characters of `text` from `offset`, and the offset of the rest."""
    if offset and offset >= len(text):
        raise InvalidCall(f"there are only {plural(len(text), 'character')}")
    cut = text[offset : offset + size]
    rest = len(text) - offset - len(cut)
    return f"{cut}\n[{plural(rest, 'more character')}; read on with offset={offset + len(cut)}]" if rest else cut
