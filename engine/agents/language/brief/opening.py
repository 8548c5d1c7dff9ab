"""The first message of a short conversation: the task, the candidates, the files, and what the best one did."""

from __future__ import annotations

from collections.abc import Sequence

from engine.agents.language import memory, run_tools, surroundings
from engine.agents.protocol import AgentTools, View

_ANSWER, _CANDIDATES = 800, 2000


def opening(view: View, tools: AgentTools, size: int) -> str:
    """The first user message."""
    record = tools.record
    names = ", ".join(view.harness.files)
    answers = [run_tools.describe(record, view.incumbent, row) for row in record.train_results(view.incumbent)]
    return "\n\n".join(
        [
            f"The task:\n{record.task[:size].strip()}",
            *memory.hints(view, size),
            *memory.notebook(view, size),
            f"Candidates so far:\n{run_tools.candidates(view, record, _CANDIDATES)}",
            f"You change candidate {view.incumbent}. Its files: {names}.",
            *files(view),
            *[f"What it did on train:\n{answer[:_ANSWER]}" for answer in answers],
            surroundings.facts(tools.surroundings),
        ]
    )


def files(view: View) -> Sequence[str]:
    """The files that are text and not empty, each in a fence that it does not hold."""
    told = []
    for path, content in view.harness.files.items():
        text = content.decode("utf-8", "replace").rstrip("\n")
        fence = "```"
        while fence in text:
            fence += "`"
        if text:
            told.append(f"{path}:\n{fence}\n{text}\n{fence}")
    return told
