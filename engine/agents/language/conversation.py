"""A conversation that ends with a decision: the model calls reading tools until it makes a valid final call.

It depends only on replies and tool results, which `AgentTools` records: after a crash it reaches the same point without
new calls. It is bounded: after `READING` turns, of which the last are announced, reading tools refuse; after more than
`REPAIRS` rejected decisions, or `SILENT` replies in a row without a call, it ends without one. The list of tools stays
the same, since a change would empty the prompt cache. Models without tool support have lower bounds, and a grammar
that then has final tools only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from engine.agents.language.prompt import Prompt
from engine.agents.language.tool_calling import ask
from engine.agents.language.toolbox import ReadTool
from engine.agents.protocol import MAX_TOKENS, AgentTools, NoProposal, ToolResult
from engine.models.protocol import Message, Tool, ToolCall

READING, READING_SMALL = 20, 1
REPAIRS, REPAIRS_SMALL = 4, 2
SILENT = 3
_ANNOUNCED = 3
LONGEST = 4 * MAX_TOKENS
"""Tokens of a reply after replies that were cut: reasoning counts in them."""
_CUT = "the reply was cut off before its end; say it in fewer words, with replacements instead of whole files"
_ONE = "end with one decision, not with several"
T = TypeVar("T")


class Rejection(msgspec.Struct, frozen=True):
    """A decision that goes back to the model, with the reason."""

    why: str


Decide = Callable[[int, ToolCall], Awaitable[T | Rejection]]
"""Handles a final call; the number is the ordinal of the tool calls made for it."""


class Conversation:
    """One agent's conversation with its model in one step."""

    def __init__(
        self, tools: AgentTools, prompt: Prompt, opening: str, read_tools: Sequence[ReadTool], finals: Sequence[Tool]
    ) -> None:
        self._tools, self._prompt = tools, prompt
        self._read_tools = {one.tool.name: one for one in read_tools}
        self._finals = {tool.name: tool for tool in finals}
        self._messages = [Message("system", prompt.text), Message("user", opening)]
        self._reading = READING if tools.abilities.tools else READING_SMALL
        self._repairs = REPAIRS if tools.abilities.tools else REPAIRS_SMALL
        self._used = 0

    async def decision(self, decide: Decide[T]) -> T | NoProposal:
        """The result of `decide` for the first final call that it does not reject."""
        rejected: list[Rejection] = []
        silent, longest = 0, MAX_TOKENS
        for turn in range(self._reading + self._repairs + 1):
            reading = [one.tool for one in self._read_tools.values()] if turn < self._reading else []
            all_tools = [one.tool for one in self._read_tools.values()] if self._tools.abilities.tools else reading
            offer = [*all_tools, *self._finals.values()]
            reply = await ask(self._tools, turn, self._prompt.sha256, tuple(self._messages), offer, longest)
            if reply.finish == "length":
                longest = min(2 * longest, LONGEST)
            if reply.finish == "refused":
                return NoProposal("the model refused to continue")
            self._messages.append(Message("assistant", reply.text, reply.calls, blocks=reply.blocks))
            if reply.finish == "length":
                rejected.append(Rejection(_CUT))
            finals = [call for call in reply.calls if call.name in self._finals]
            for call in reply.calls:
                self._used += 1
                if reply.finish == "length":
                    result = ToolResult(_CUT, failed=True)
                elif call not in finals:
                    result = await self._use(call, reading)
                elif len(finals) > 1:
                    result = ToolResult(_ONE, failed=True)
                else:
                    made = await decide(self._used, call)
                    if not isinstance(made, Rejection):
                        return made
                    rejected.append(made)
                    result = ToolResult(made.why, failed=True)
                self._messages.append(Message("tool", result.text, answers=call.id, failed=result.failed))
            left = self._reading - turn - 1
            if reply.calls and self._read_tools and self._tools.abilities.tools and 0 <= left <= _ANNOUNCED:
                self._announce(left)
            silent = 0 if reply.calls else silent + 1
            if silent == SILENT and reply.finish != "length":
                return NoProposal(f"the model calls no tool: it gave {SILENT} replies of text in a row")
            if not reply.calls:
                self._messages.append(Message("user", _CUT if reply.finish == "length" else "Use one of the tools."))
            if len(rejected) > self._repairs:
                return NoProposal(f"{len(rejected)} decisions were rejected, the last because {rejected[-1].why}"[:500])
        last = f"; its last decision was rejected because {rejected[-1].why}" if rejected else ""
        return NoProposal(f"the model made no valid decision{last}"[:500])

    def _announce(self, left: int) -> None:
        """Appends to the last result how many turns of reading are left."""
        last = self._messages[-1]
        finals = " or ".join(self._finals)
        note = f"{left} more turn{'s' * (left != 1)} of reading; then decide" if left else "no more reading: decide now"
        self._messages[-1] = replace(last, text=f"{last.text}\n\n({note} with {finals})")

    async def _use(self, call: ToolCall, reading: Sequence[Tool]) -> ToolResult:
        read_tool = self._read_tools.get(call.name)
        if read_tool is None or read_tool.tool not in reading:
            names = ", ".join([*(tool.name for tool in reading), *self._finals])
            return ToolResult(f"there is no tool {call.name!r} now; there are {names}", failed=True)
        return await self._tools.use(self._used, call, lambda: read_tool.use(call))
