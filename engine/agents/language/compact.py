"""The Feedback-Agent's conversation with a model without tool support: short texts, and choices instead of long text.

Such models are small, and run where a thousand tokens take seconds. So the prompt is short and starts with the most
important facts, reading tools take only a candidate's number, and a decision is one change out of a list in the
grammar. However weak the model, its decisions are well-formed, and no judged candidate is proposed again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.agents.language import memory, run_tools
from engine.agents.language.toolbox import ReadTool
from engine.agents.protocol import AgentTools, InvalidCall, View
from engine.agents.run_record import RunRecord
from engine.models.protocol import Tool, ToolCall
from harness_repo.tunable import Tunable, Value

PAGE = 400
"""Characters of each part of the opening, and of a tool's result."""
_TEXT = {"type": "string", "maxLength": 60}
_STEPS = 10
_AT_ONCE = ("count_failures", "count_confusions")


def opening(view: View, tools: AgentTools) -> str:
    """The first user message: at most five parts of `PAGE` characters, and two where there are hints and a notebook."""
    parts = [
        f"The task:\n{tools.record.task[:PAGE]}",
        *memory.hints(view, PAGE),
        *memory.notebook(view, PAGE),
        f"Candidates so far:\n{run_tools.candidates(view, tools.record, PAGE, brief=True)}",
        f"You change candidate {view.incumbent}. Its parameters: {_list_params(view.harness.params)[:PAGE]}.",
    ]
    about = {"candidate": view.incumbent}
    for one in read_tools(view, tools.record):
        if one.tool.name in _AT_ONCE:
            try:
                parts.append(one.read(ToolCall("", one.tool.name, about)))
            except InvalidCall:
                continue
    return "\n\n".join(parts)


def read_tools(view: View, record: RunRecord) -> list[ReadTool]:
    """The reading tools that need only a candidate's number: the best candidate's or the last one's."""
    numbers = sorted({view.incumbent, view.past[-1].n} if view.past else {view.incumbent})
    shape = _object({"candidate": {"enum": numbers}})
    return [
        ReadTool(Tool(one.tool.name, one.tool.description, shape), one.read)
        for one in run_tools.of_run(view, record, PAGE)
        if one.tool.parameters.get("required") == ["candidate"]
    ]


def decision(name: str, view: View) -> Tool:
    """The tool for the decision: a new value of one declared parameter, or a file if none is declared."""
    cited = [f"g{past.n}" for past in view.past]
    shape: dict[str, Any] = {"findings": _TEXT, "reason": _TEXT}
    shape["evidence"] = {"type": "array", "items": {"enum": cited}, "maxItems": 1}
    shape["expected_gain"] = {"enum": [0.0, 0.01, 0.05, 0.1]}
    if values := _untried_values(view):
        shape["params"] = _one_of({name: {"enum": left} for name, left in values.items()})
        return Tool(name, "Decide: give one parameter another value.", _object(shape))
    files = [path for path in view.harness.files if path.endswith(".md")]
    files = files or [path for path in view.harness.files if path.endswith(".py")]
    shape["files"] = _one_of({path: {"type": "string"} for path in files})
    return Tool(name, "Decide: write one file anew.", _object(shape))


def _untried_values(view: View) -> dict[str, list[Value]]:
    """By parameter, the values that give an untried candidate."""
    now = view.harness.params
    known = [now, *(past.params for past in view.past), *view.declined]
    found: dict[str, list[Value]] = {}
    for name, tunable in view.harness.manifest.tunables.items():
        if all(now.get(other) in admitted for other, admitted in tunable.when.items()):
            values = [value for value in _values(tunable) if {**now, name: value} not in known]
            found |= {name: values} if values else {}
    return found


def _values(tunable: Tunable) -> list[Value]:
    if tunable.type == "choice":
        return list(tunable.choices)
    low, high = tunable.low, tunable.high
    parts = [step / _STEPS for step in range(_STEPS + 1)]
    values = [low * (high / low) ** part if tunable.log else low + (high - low) * part for part in parts]
    if tunable.type == "int":
        return sorted({round(value) for value in values})
    return [min(max(float(f"{value:.4g}"), low), high) for value in values]


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _one_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"anyOf": [_object({name: shape}) for name, shape in properties.items()]}


def _list_params(params: Mapping[str, Value]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in params.items()) or "none"
