"""The tool with which a model tries an edited harness before it decides; its tries are numbered from 1.

A decision may begin from the files of a try, so that what was tried need not be written twice.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from engine.agents import merging
from engine.agents.language import edits
from engine.agents.language.toolbox import Arguments, failing
from engine.agents.protocol import AgentTools, Cases, InvalidCall, ToolResult
from engine.agents.run_record import RunRecord
from engine.models.protocol import Tool, ToolCall
from harness_repo.harness import Harness

_TRY = Arguments(
    "try_harness",
    "Run an edited harness on held-out cases of train: score, difference from the best candidate, failures, logs.",
    edits.TryHarness,
)


class TryTool:
    """As `AgentTool`. `base` are the files of the best candidate, of the run that `record` is of.

    The Meta-Agent has none, and nothing to merge.
    """

    tool: Tool = _TRY.tool

    def __init__(self, base: Mapping[str, bytes], record: RunRecord) -> None:
        self._base, self._record = base, record
        self._tried: list[Harness] = []

    def files(self, start: int) -> Mapping[str, bytes]:
        """The files of the try of that number, or of the best candidate; raises `InvalidCall`."""
        if start > len(self._tried):
            raise InvalidCall(f"there is no try {start}; there have been {len(self._tried)}")
        return self._tried[start - 1].files if start else self._base

    async def answer(self, tools: AgentTools, ordinal: int, call: ToolCall) -> ToolResult:
        """As `AgentTool.answer`."""
        try:
            args = _TRY.parse(call)
            start = merging.merge_two(self._record, args.merge) if args.merge else self.files(args.start)
            made = edits.edited(start, args)
        except InvalidCall as error:
            return await tools.use(ordinal, call, failing(str(error)))
        self._tried.append(made)
        number = len(self._tried)
        cases = Cases(args.cases, args.instances, args.out_of_fold)

        async def work() -> ToolResult:
            found = await tools.try_out(ordinal, made, cases, args.why)
            return replace(found, text=f"try {number}: {found.text}")

        return await tools.use(ordinal, call, work)
