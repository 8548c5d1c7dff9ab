"""A conversation that ends with a decision: the model reads and tries with tools until it makes a valid final call.

It depends only on replies and tool results, which `AgentTools` records: after a crash it reaches the same point without
new calls. It is bounded: by the tokens of the run's settings, which the model is told of in time; once they are spent,
only a decision is answered. After more than `REPAIRS` rejected decisions, or `SILENT` replies in a row without a call,
it ends without one, and may be continued. The list of tools never changes, since a change would empty the prompt cache
and make the blocks of a model that thinks invalid. Models without tool support have lower bounds, and a grammar that
then has final tools only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from engine.agents.language.prompt import Prompt
from engine.agents.language.tool_calling import ask
from engine.agents.language.toolbox import AgentTool
from engine.agents.protocol import MAX_TOKENS, AgentTools, NoProposal, ToolResult
from engine.models.protocol import Message, Reply, Tool, ToolCall
from engine.plain import plural

TURNS, READING_SMALL = 300, 1
"""Turns with reading tools: a bound for small replies without end, and that of a model without tool support."""
REPAIRS, REPAIRS_SMALL = 4, 2
SILENT = 3
LONGEST = 4 * MAX_TOKENS
"""Tokens of a reply after replies that were cut: reasoning counts in them."""
_TOLD = (0.5, 0.75, 0.9)
"""The model is told what is left when so much of its tokens is spent."""
_CHARS_PER_TOKEN = 3
_CUT = "the reply was cut off before its end; say it in fewer words, with replacements instead of whole files"
_ONE = "end with one decision, not with several"
T = TypeVar("T")


class Rejection(msgspec.Struct, frozen=True):
    """A decision that goes back to the model, with the reason."""

    why: str


Decide = Callable[[int, ToolCall], Awaitable[T | Rejection]]
"""Handles a final call; the number is the ordinal of the tool calls made for it."""


class Conversation:
    """One agent's conversation with its model. `tools` are those of one attempt; `go_on` continues it with others."""

    def __init__(
        self, tools: AgentTools, prompt: Prompt, opening: str, offered: Sequence[AgentTool], finals: Sequence[Tool]
    ) -> None:
        self._tools, self._prompt = tools, prompt
        self._offered = {one.tool.name: one for one in offered}
        self._finals = {tool.name: tool for tool in finals}
        self._messages = [Message("system", prompt.text), Message("user", opening)]
        self._repairs = REPAIRS if tools.abilities.tools else REPAIRS_SMALL
        self._used = self._spent = self._length = self._reached = 0

    def go_on(self, tools: AgentTools, why: str) -> None:
        """Continues with the tools of the next attempt, after the conversation ended without a decision."""
        self._tools, self._used = tools, 0
        self._append(f"{why}\nGo on from here, otherwise than before.")

    async def decision(self, decide: Decide[T]) -> T | NoProposal:
        """The result of `decide` for the first final call that it does not reject."""
        rejected: list[Rejection] = []
        silent, late, longest = 0, 0, MAX_TOKENS
        for turn in range(TURNS + self._repairs + 1):
            reading = self._may_read(turn)
            late += not reading
            if late > self._repairs + 1:
                break
            reply = await ask(
                self._tools, turn, self._prompt.sha256, tuple(self._messages), self._offer(reading), longest
            )
            self._count(reply)
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
            silent = 0 if reply.calls else silent + 1
            if not reply.calls:
                self._messages.append(Message("user", _CUT if reply.finish == "length" else "Use one of the tools."))
            self._tell(turn)
            if silent == SILENT and reply.finish != "length":
                return NoProposal(f"the model calls no tool: it gave {SILENT} replies of text in a row")
            if len(rejected) > self._repairs:
                return NoProposal(
                    f"the last of {plural(len(rejected), 'rejected decision')} was so because {rejected[-1].why}"[:500]
                )
        last = f"; its last decision was rejected because {rejected[-1].why}" if rejected else ""
        return NoProposal(f"the model made no valid decision{last}"[:500])

    def _offer(self, reading: bool) -> list[Tool]:
        """The tools of a turn: all of them, but under a grammar only those that are answered."""
        others = [one.tool for one in self._offered.values()] if reading or self._tools.abilities.tools else []
        return [*others, *self._finals.values()]

    def _may_read(self, turn: int) -> bool:
        if not self._tools.abilities.tools:
            return turn < READING_SMALL
        return turn < TURNS and self._spent < self._tools.tokens

    def _count(self, reply: Reply) -> None:
        """Adds what the last turn made longer; a server that counts nothing is counted for by characters."""
        length = reply.usage.total
        if not length:
            texts = [message.text for message in self._messages] + [reply.text]
            length = sum(len(text.encode("utf-8", "replace")) for text in texts) // _CHARS_PER_TOKEN
        self._spent += max(reply.usage.output, length - self._length)
        self._length = length

    def _tell(self, turn: int) -> None:
        """Appends to the last message what is left, where the model should know it now."""
        if not (self._offered and self._tools.abilities.tools):
            return
        limit, spent = self._tools.tokens, self._spent
        finals = " or ".join(self._finals)
        reached = sum(spent >= share * limit for share in _TOLD)
        if not self._may_read(turn + 1):
            note = f"your tokens for reading and trying are spent: decide now with {finals}"
        elif reached > self._reached:
            left = f"{limit - spent:,} of your {plural(limit, 'token')}"
            note = f"{left} are left for reading and trying; then decide with {finals}"
        else:
            return
        self._reached = reached
        self._append(f"({note})")

    def _append(self, text: str) -> None:
        """Appends to the last message, which is ours."""
        last = self._messages[-1]
        self._messages[-1] = replace(last, text=f"{last.text}\n\n{text}")

    async def _use(self, call: ToolCall, reading: bool) -> ToolResult:
        tool = self._offered.get(call.name)
        if tool is None:
            names = ", ".join([*self._offered, *self._finals])
            return ToolResult(f"there is no tool {call.name!r}; there are {names}", failed=True)
        if not reading:
            return ToolResult(
                f"{call.name} is not answered any more: decide with {' or '.join(self._finals)}", failed=True
            )
        return await tool.answer(self._tools, self._used, call)
