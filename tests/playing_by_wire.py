"""The game of `tests.playing` in the form of each API, with thinking before every call of a tool.

A model that thinks is refused where it is not given its thoughts back, which the fakes enforce.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from engine.models.compaction import LEFT_OUT
from tests.fakes import openai_server as openai
from tests.fakes.anthropic_server import Plan, Think, Use
from tests.fakes.serving import Asked
from tests.playing import play, said, turns

FULL = "prompt is too long: 210000 tokens > 200000 maximum"


def each_time_another(asked: Asked) -> Plan:
    """The game, in which no candidate does what one does that was judged before.

    It counts the candidates that the conversation begins with, not the requests: one that a kill makes the engine ask
    again is answered as it was.
    """
    plan = play(asked)
    judged = len(re.findall(r"^\d+: ", said(asked.body["messages"][0]), re.MULTILINE))
    blocks = [
        block._replace(input=json.loads(json.dumps(block.input).replace("AS_BEFORE = True", f"tried_{judged} = 1")))
        if isinstance(block, Use)
        else block
        for block in plan.blocks
    ]
    return plan._replace(blocks=blocks)


def thinking(asked: Asked) -> Plan:
    """The game by a Claude that thinks before it calls a tool."""
    plan = each_time_another(asked)
    calls = any(isinstance(block, Use) for block in plan.blocks)
    return plan._replace(blocks=[Think("what is wanted, and what is there?"), *plan.blocks]) if calls else plan


def full(asked: Asked) -> Plan:
    """The same; the Feedback-Agent's context is full at its third turn, until results of tools are left out."""
    names = {tool["name"] for tool in asked.body.get("tools", [])}
    if "update_harness" in names and turns(asked.body) >= 2 and LEFT_OUT not in json.dumps(asked.body):
        return Plan(status=400, message=FULL)
    return thinking(asked)


def by_openai(asked: Asked) -> openai.Plan:
    """The game by a model on a server with OpenAI's API, by chat completions or by the Responses API."""
    body = asked.body
    told = body["messages"] if "messages" in body else _turns(body["input"])
    messages = [message for message in told if message["role"] != "system"]
    tools = [tool.get("function", tool) for tool in body.get("tools", [])]
    plan = thinking(asked._replace(body={"messages": _without_endings(messages), "tools": tools}))
    text = "".join(block for block in plan.blocks if isinstance(block, str))
    calls = [
        openai.Use(block.name, json.dumps(block.input), f"call_{asked.n}_{place}")
        for place, block in enumerate(plan.blocks)
        if isinstance(block, Use)
    ]
    thoughts = "".join(block.text for block in plan.blocks if isinstance(block, Think))
    return openai.Plan(text, calls, reasoning=thoughts)


def _turns(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The messages of a conversation by the Responses API: what the model says in one turn is several items there."""
    found: list[dict[str, Any]] = []
    for role, group in groupby(items, key=_role):
        if role == "assistant":
            found.append({"role": role, "content": ""})
        else:
            found += [{"role": role, "content": item.get("content", item.get("output", ""))} for item in group]
    return found


def _role(item: Mapping[str, Any]) -> str:
    kind = item.get("type", "message")
    if kind == "function_call_output":
        return "tool"
    return "assistant" if kind in ("reasoning", "function_call") else str(item["role"])


def _without_endings(messages: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**message, "content": message["content"] or ""} for message in messages]
