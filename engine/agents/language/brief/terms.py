"""When a conversation is short, and what is then said and offered."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from engine.agents.language import desk, desk_tools
from engine.agents.language.brief.decision import sets_values
from engine.agents.language.brief.opening import better_elsewhere
from engine.agents.language.prompt import Prompt, compose
from engine.agents.language.toolbox import AgentTool, ReadTool, lean
from engine.agents.protocol import AgentTools, View

CASES, ANSWERS = 4, 3
"""So many cases of train at most, and answers to them in a candidate's sample."""
CHARACTERS, CASE = 6000, 400
"""Of all files of the harness, and of the task, at most; of a case of train with its label."""


def applies(view: View, tools: AgentTools) -> bool:
    """Whether the opening can tell it all."""
    record = tools.record
    return (
        tools.abilities.tools
        and not tools.trainable
        and not record.references
        and len(record.task) <= CHARACTERS
        and len(record.train) <= CASES
        and all(len(msgspec.json.encode([one.data, one.label])) <= CASE for one in record.train.values())
        and len(record.train_results(view.incumbent)) <= ANSWERS
        and sum(map(len, view.harness.files.values())) <= CHARACTERS
    )


def prompt(view: View, tools: AgentTools) -> Prompt:
    """The prompt with the parts that are offered."""
    around = tools.surroundings.model
    offered = [*(around.can if around else ()), *(["params"] if sets_values(view.harness) else [])]
    offered += ["read_file"] if better_elsewhere(view, tools.record) else []
    return compose("feedback_brief", *(["model"] if tools.has_task_model else []), offered=offered)


def offered(view: View, tools: AgentTools, size: int) -> list[AgentTool]:
    """`read_file` where another candidate is better on some case, so that its files say something new."""
    if not better_elsewhere(view, tools.record):
        return []
    found = desk_tools.of_tree(desk.tree(tools.record, view), size, sandbox=False)
    return [
        replace(one, tool=replace(one.tool, parameters=lean(one.tool.parameters)))
        for one in found
        if isinstance(one, ReadTool) and one.tool.name == "read_file"
    ]
