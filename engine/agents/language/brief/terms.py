"""When a conversation is short, and what is then said and offered."""

from __future__ import annotations

from engine.agents.language import desk, desk_tools
from engine.agents.language.prompt import Prompt, compose
from engine.agents.language.toolbox import AgentTool
from engine.agents.protocol import AgentTools, View

CASES, ANSWERS = 4, 3
"""So many cases of train at most, and answers to them in a candidate's sample."""
CHARACTERS = 6000
"""Of all files of the harness, at most."""


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
