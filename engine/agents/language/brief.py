"""A short conversation where there is little to read: a small harness, and few cases to learn from.

Then the opening tells it all: the files, and what the best candidate did. What sums up and searches many cases is not
offered, nor tries, since the check of a decision runs it on the same few cases. So prompt and tools are a third as
long, and the first reply can decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.agents.language import desk, desk_tools, memory, run_tools, surroundings
from engine.agents.language.prompt import Prompt, compose
from engine.agents.language.toolbox import AgentTool
from engine.agents.protocol import AgentTools, View

CASES, ANSWERS = 4, 3
"""So many cases of train at most, and answers to them in a candidate's sample."""
CHARACTERS = 6000
"""Of all files of the harness, at most."""
_ANSWER, _CANDIDATES = 800, 2000


def applies(view: View, tools: AgentTools) -> bool:
    """Whether the opening can tell it all."""
    record = tools.record
    return (
        tools.abilities.tools
        and not tools.trainable
        and len(record.train) <= CASES
        and len(record.train_results(view.incumbent)) <= ANSWERS
        and sum(map(len, view.harness.files.values())) <= CHARACTERS
    )


def prompt(tools: AgentTools) -> Prompt:
    """The prompt with the parts that are offered."""
    around = tools.surroundings.model
    offered = [*(around.can if around else ()), *(["code"] if tools.has_sandbox else [])]
    return compose("feedback_brief", *(["model"] if tools.has_task_model else []), offered=offered)


def offered(view: View, tools: AgentTools, size: int) -> list[AgentTool]:
    """`read_file`, and `run_python` where there is a sandbox."""
    found = desk_tools.of_tree(desk.tree(tools.record, view), size, sandbox=tools.has_sandbox)
    return [one for one in found if one.tool.name in ("read_file", "run_python")]


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
