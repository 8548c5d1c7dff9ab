"""The Meta-Agent: a language model that writes the first harness from the task, and repairs it until it runs."""

from __future__ import annotations

from collections.abc import Sequence

from engine.agents.language import edits, run_tools
from engine.agents.language.conversation import Conversation, Rejection
from engine.agents.language.edits import WriteHarness
from engine.agents.language.prompt import load
from engine.agents.language.toolbox import Arguments, InvalidCall
from engine.agents.protocol import AgentTools, NoProposal, Proposal
from engine.models.protocol import ToolCall

PAGE, PAGE_SMALL = 12_000, 1000
_WRITE = Arguments("write_harness", "Write all files of the harness; it is then run on a few cases.", WriteHarness)


class MetaAgent:
    """Writes the first harness."""

    name = "meta"

    def __init__(self) -> None:
        self._prompt = load("meta")

    async def write(self, tools: AgentTools, earlier: Sequence[str] = ()) -> Proposal | NoProposal:
        """A harness that answered a few training cases in the sandbox, or the reason why there is none.

        `earlier` says why earlier attempts failed.
        """

        async def decide(ordinal: int, call: ToolCall) -> Proposal | Rejection:
            try:
                written = _WRITE.parse(call)
                made = edits.parse_files(
                    {path: text.encode("utf-8", "replace") for path, text in written.files.items()}
                )
            except InvalidCall as error:
                return Rejection(str(error))
            ran = await tools.use(ordinal, call, lambda: tools.smoke(made))
            if ran.failed:
                return Rejection(f"the harness does not run.\n{ran.text}")
            return Proposal(made, written.reason, "the first harness")

        size = PAGE if tools.abilities.tools else PAGE_SMALL
        read_tools = [run_tools.of_train(tools.record, size), *run_tools.of_references(tools.record, size)]
        conversation = Conversation(tools, self._prompt, _opening(tools, size, earlier), read_tools, [_WRITE.tool])
        return await conversation.decision(decide)


def _opening(tools: AgentTools, size: int, earlier: Sequence[str]) -> str:
    names = ", ".join(tools.record.references)
    there, absent = "A language model is there as ctx.model.", "There is no language model: ctx.model refuses."
    model = there if tools.has_task_model else absent
    failed = "".join(f"\n\nAn earlier attempt of yours failed: {why[:size]}" for why in earlier[-2:])
    return f"The task:\n{tools.record.task[:size]}\n\nReferences: {names or 'none'}. {model}{failed}"
