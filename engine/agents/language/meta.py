"""The Meta-Agent: a language model that writes the first harness from the task, and repairs it until it runs."""

from __future__ import annotations

from engine.agents.language import editing, reading
from engine.agents.language.conversation import Conversation, Rejected
from engine.agents.language.editing import WriteHarness
from engine.agents.language.prompt import load
from engine.agents.language.toolbox import Arguments, Invalid
from engine.agents.protocol import AgentTools, Nothing, Proposal
from engine.models.protocol import ToolCall

PAGE, PAGE_SMALL = 12_000, 1000
_WRITE = Arguments("write_harness", "Write all files of the harness; it is then run on a few cases.", WriteHarness)


class MetaAgent:
    """Writes A1."""

    name = "meta"

    def __init__(self) -> None:
        self._prompt = load("meta")

    async def write(self, tools: AgentTools) -> Proposal | Nothing:
        """A harness that answered a handful of training cases in the sandbox, or why there is none."""

        async def decide(ordinal: int, call: ToolCall) -> Proposal | Rejected:
            try:
                written = _WRITE.of(call)
                made = editing.parsed({path: text.encode("utf-8", "replace") for path, text in written.files.items()})
            except Invalid as error:
                return Rejected(str(error))
            ran = await tools.use(ordinal, call, lambda: tools.smoke(made))
            if ran.failed:
                return Rejected(f"the harness does not run.\n{ran.text}")
            return Proposal(made, written.reason, "the first harness")

        size = PAGE if tools.abilities.tools else PAGE_SMALL
        instruments = [reading.of_train(tools.record, size), *reading.of_references(tools.record, size)]
        conversation = Conversation(tools, self._prompt, _opening(tools, size), instruments, [_WRITE.tool])
        return await conversation.decision(decide)


def _opening(tools: AgentTools, size: int) -> str:
    names = ", ".join(tools.record.references)
    there, absent = "A language model is there as ctx.model.", "There is no language model: ctx.model refuses."
    model = there if tools.has_task_model else absent
    return f"The task:\n{tools.record.task[:size]}\n\nReferences: {names or 'none'}. {model}"
