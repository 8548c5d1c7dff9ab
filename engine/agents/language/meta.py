"""The Meta-Agent: a language model that writes the first harness from the task, and repairs it until it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from engine.agents.language import desk, desk_tools, edits, run_tools, surroundings
from engine.agents.language.conversation import Conversation, Rejection
from engine.agents.language.edits import WriteHarness, WriteTriedHarness
from engine.agents.language.toolbox import AgentTool, Arguments
from engine.agents.language.trying import TryTool
from engine.agents.protocol import AgentTools, InvalidCall, NoProposal, Proposal
from engine.models.protocol import ToolCall

PAGE, PAGE_SMALL = 12_000, 1000
_ABOUT = "Write all files of the harness; it is then run on a few cases."
_WRITE = Arguments("write_harness", _ABOUT, WriteHarness)
_WRITE_TRIED = Arguments("write_harness", _ABOUT, WriteTriedHarness)


class MetaAgent:
    """Writes the first harness."""

    name = "meta"

    async def write(self, attempts: Sequence[AgentTools]) -> Proposal | NoProposal:
        """A harness that answered a few training cases in the sandbox, or the reason why there is none.

        `attempts` are the tools of each attempt so far, the last one now. All of them are one conversation: the earlier
        ones are replayed from the log, and the next goes on after their errors.
        """
        first, *_ = attempts
        size = PAGE if first.abilities.tools else PAGE_SMALL
        offered: list[AgentTool] = [run_tools.of_train(first.record, size)]
        trying = None
        if first.abilities.tools:
            offered += desk_tools.of_tree(desk.tree(first.record), size, sandbox=first.has_sandbox)
            trying = TryTool({}, first.record) if first.evaluations else None
            offered += [trying] if trying else []
        else:
            offered += run_tools.of_references(first.record, size)
        final = (_WRITE_TRIED if trying else _WRITE).tool
        prompt = surroundings.prompt("meta", first, trying=trying is not None)
        conversation = Conversation(first, prompt, _opening(first, size), offered, [final])
        made: Proposal | NoProposal = NoProposal("")
        for place, tools in enumerate(attempts):
            if place:
                conversation.go_on(tools, f"That made no harness: {made.reason}.")
            made = await conversation.decision(partial(_written, tools, trying))
            if isinstance(made, Proposal):
                break
        return made


async def _written(tools: AgentTools, trying: TryTool | None, ordinal: int, call: ToolCall) -> Proposal | Rejection:
    """The harness, if it runs."""
    try:
        written = _WRITE_TRIED.parse(call) if trying else _WRITE.parse(call)
        before: Mapping[str, bytes] = (
            trying.files(written.start) if trying and isinstance(written, WriteTriedHarness) else {}
        )
        files = {path: text.encode("utf-8", "replace") for path, text in written.files.items()}
        made = edits.parse_files({**before, **files})
    except InvalidCall as error:
        return Rejection(str(error))
    ran = await tools.use(ordinal, call, lambda: tools.smoke(made))
    if ran.failed:
        return Rejection(f"the harness does not run.\n{ran.text}")
    return Proposal(made, written.reason, "the first harness")


def _opening(tools: AgentTools, size: int) -> str:
    names = ", ".join(tools.record.references)
    facts = surroundings.facts(tools.surroundings)
    return f"The task:\n{tools.record.task[:size]}\n\nReferences: {names or 'none'}. {facts}"
