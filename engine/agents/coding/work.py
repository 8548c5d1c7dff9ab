"""One piece of work for a client: errands in one folder, until a decision holds or no more are sent.

A decision that does not hold goes back to the client with the reason, with the folder as it was left. Errands and
tries are recorded by position, so that after a crash, and in the Improvement, the work is done again without a client.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from engine.agents.coding.decision import Try, digests, tried
from engine.agents.language import edits
from engine.agents.protocol import AgentTools, Cases, Errand, InvalidCall, Left, NoProposal, ToolResult
from engine.models.protocol import ToolCall
from engine.plain import plural
from harness_repo.harness import Harness

SENT_BACK = 3
"""How often a decision goes back."""
TRIES = 500
"""The most tries of one errand."""
_BACK = (
    "You have worked in this folder before, and `harness/`, `NOTES.md` and `DECISION.json` are as you left them. Your "
    "decision did not hold. Correct it, and write `DECISION.json` anew. The reason:"
)
T = TypeVar("T")
Judge = Callable[[Left, int], Awaitable[T]]
"""What is made of what a client has left; the number is the ordinal of the trial made for it. Raises `InvalidCall`."""


async def work(tools: AgentTools, errand: Errand, judge: Judge[T]) -> T | NoProposal:
    """What `judge` makes of the first errand that holds."""
    why, first_prompt = "", errand.prompt
    for ordinal in range(SENT_BACK + 1):
        first = ordinal * (TRIES + 1)
        left = await tools.send(ordinal, errand, _Tries(tools, first).attend)
        ended = f" ({left.failure.message})" if left.failure else ""
        try:
            return await judge(left, first)
        except InvalidCall as error:
            why = f"{error}{ended}"
        if left.failure and left.failure.kind in ("timeout", "resource"):
            return NoProposal(_line(f"the client reached its limit without a decision that holds: {why}"))
        prompt = f"{first_prompt}\n\n{_BACK}\n{why}"
        errand = Errand(prompt, errand.tree, left.files, left.notes, left.decision)
    return NoProposal(_line(f"{plural(SENT_BACK + 1, 'decision')} did not hold, the last because {why}"))


def _line(text: str) -> str:
    return " ".join(text.split())[:400]


async def smoked(tools: AgentTools, harness: Harness, ordinal: int) -> None:
    """Runs the decided harness on a few cases; raises `InvalidCall` unless it answers all of them."""
    call = ToolCall("", "decide", {"files": digests(harness.files)})
    ran = await tools.use(ordinal, call, lambda: tools.smoke(harness))
    if ran.failed:
        raise InvalidCall(f"the harness does not run.\n{ran.text}")


class _Tries:
    """Answers the tries of one errand, one after another; each is recorded as a use of the tool `sia-try`."""

    def __init__(self, tools: AgentTools, first: int) -> None:
        self._tools, self._at, self._most = tools, first, first + TRIES
        self._alone = asyncio.Lock()

    async def attend(self, files: Mapping[str, bytes], arguments: bytes) -> ToolResult:
        """As `Attend`."""
        async with self._alone:
            try:
                asked = tried(arguments)
                harness = edits.parse_files(files)
            except InvalidCall as error:
                return ToolResult(str(error), failed=True)
            if self._at == self._most:
                return ToolResult(f"there have been {TRIES} tries; decide now", failed=True)
            self._at += 1
            ordinal = self._at
            facts = {"why": asked.why, "cases": asked.cases, "instances": asked.instances}
            more = {"out_of_fold": asked.out_of_fold, "files": digests(files)}
            call = ToolCall("", "sia-try", {**facts, **more})
            return await self._tools.use(ordinal, call, lambda: self._answer(ordinal, harness, asked))

    async def _answer(self, ordinal: int, harness: Harness, asked: Try) -> ToolResult:
        if asked.is_smoke:
            return await self._tools.smoke(harness)
        cases = Cases(asked.cases or 20, asked.instances, asked.out_of_fold)
        return await self._tools.try_out(ordinal, harness, cases, asked.why)
