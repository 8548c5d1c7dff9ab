"""A person's question about a run, answered by its agent: it reads what the Feedback-Agent reads, and changes nothing.

Each question is a conversation of its own, which begins with the earlier questions and answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from engine.agents.language import compact, desk, desk_tools, memory, run_tools, surroundings
from engine.agents.language.conversation import Conversation, Rejection
from engine.agents.language.prompt import load
from engine.agents.language.toolbox import AgentTool, Arguments
from engine.agents.protocol import AgentTools, InvalidCall, NoProposal, View
from engine.models.protocol import Tool, ToolCall

PAGE = 8000


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the agent says, and the hint that it proposes; empty where it has none."""

    text: Annotated[str, Meta(description="The answer, in plain text.", min_length=1, max_length=20_000)]
    hint: Annotated[str, Meta(description="Advice for the next Analysis, or nothing.", max_length=1000)] = ""


class Exchange(msgspec.Struct, frozen=True):
    """An earlier question, and what was answered."""

    question: str
    answer: str


_ANSWER = Arguments("answer", "Answer the person; this ends the conversation.", Answer)
_SHORT = Tool(
    _ANSWER.tool.name,
    _ANSWER.tool.description,
    {
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 600}},
        "required": ["text"],
        "additionalProperties": False,
    },
)


async def answer(view: View, tools: AgentTools, question: str, before: Sequence[Exchange]) -> Answer | NoProposal:
    """The answer, or the reason why there is none; `before` are the earlier questions, the newest last."""
    offered: Sequence[AgentTool]
    if tools.abilities.tools:
        prompt, final, size = surroundings.prompt("talk", tools, trying=False), _ANSWER.tool, PAGE
        offered = [
            *run_tools.of_run(view, tools.record, PAGE),
            *desk_tools.of_tree(desk.tree(tools.record, view), PAGE, sandbox=tools.has_sandbox),
        ]
    else:
        prompt, final, size = load("talk"), _SHORT, compact.PAGE
        offered = compact.read_tools(view, tools.record)
    conversation = Conversation(tools, prompt, _opening(view, tools, question, before, size), offered, [final])

    async def decide(_: int, call: ToolCall) -> Answer | Rejection:
        try:
            return _ANSWER.parse(call)
        except InvalidCall as error:
            return Rejection(str(error))

    return await conversation.decision(decide)


def _opening(view: View, tools: AgentTools, question: str, before: Sequence[Exchange], size: int) -> str:
    """The first user message, each part of at most `size` characters."""
    params = ", ".join(f"{name} = {value!r}" for name, value in view.harness.params.items())
    parts = [
        f"The task:\n{tools.record.task[:size]}",
        *memory.hints(view, size),
        *memory.notebook(view, size),
        f"Candidates so far:\n{run_tools.candidates(view, tools.record, size, brief=size < PAGE)}",
        f"Files of candidate {view.incumbent}: {', '.join(view.harness.files)}. Its parameters: {params or 'none'}."[
            :size
        ],
        *([surroundings.facts(tools.surroundings)] if size == PAGE else []),
        *_earlier(before, size),
        f"The person asks:\n{question}",
    ]
    return "\n\n".join(parts)


def _earlier(before: Sequence[Exchange], size: int) -> list[str]:
    """A part with the newest exchanges that have room in `size` characters, the newest last."""
    told: list[str] = []
    for one in reversed(before):
        told.append(f"Question: {one.question}\nYour answer: {one.answer}")
        if sum(map(len, told)) > size:
            told.pop()
            break
    return ["Earlier in this conversation:\n" + "\n".join(reversed(told))] if told else []
