"""Two ways to get a tool call from a model: its own tool support, or JSON under a grammar where it has none.

The conversation is the same in both: a reply is a list of calls. Under a grammar it has exactly one, and is always
well-formed unless it is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.agents.protocol import MAX_TOKENS, AgentTools, Question
from engine.models.protocol import Message, Reply, Tool, ToolCall
from engine.models.receipt import plain_call

_FORM = 'Answer with one JSON object and nothing else: {"tool": NAME, "arguments": {...}}. The tools:'
GRAMMAR_TOKENS = 512


class _Choice(msgspec.Struct, frozen=True):
    tool: str
    arguments: dict[str, object] = {}


async def ask(
    tools: AgentTools,
    ordinal: int,
    prompt: str,
    messages: Sequence[Message],
    offer: Sequence[Tool],
    max_tokens: int = MAX_TOKENS,
) -> Reply:
    """The model's reply to `messages`, with its calls of the tools in `offer`."""
    if tools.abilities.tools:
        return await tools.ask(ordinal, prompt, Question(messages, tools=offer, max_tokens=max_tokens))
    question = Question(_flat(messages, offer), schema=_schema(offer), max_tokens=GRAMMAR_TOKENS)
    reply = await tools.ask(ordinal, prompt, question)
    try:
        choice = msgspec.json.decode(reply.text, type=_Choice)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return reply
    call = plain_call(ToolCall(f"call-{ordinal}", choice.tool, choice.arguments))
    return msgspec.structs.replace(reply, calls=[call])


def _schema(offer: Sequence[Tool]) -> dict[str, object]:
    def call(tool: Tool) -> dict[str, object]:
        return {
            "type": "object",
            "properties": {"tool": {"const": tool.name}, "arguments": dict(tool.parameters)},
            "required": ["tool", "arguments"],
            "additionalProperties": False,
        }

    return call(offer[0]) if len(offer) == 1 else {"anyOf": [call(tool) for tool in offer]}


def _flat(messages: Sequence[Message], offer: Sequence[Tool]) -> list[Message]:
    """The same conversation without tool messages: results become user messages."""
    tools = "\n".join(
        f"- {tool.name}({', '.join(tool.parameters['properties'])}): {tool.description}" for tool in offer
    )
    flat: list[Message] = []
    for message in messages:
        text = f"Result:\n{message.text}" if message.role == "tool" else message.text
        role = "user" if message.role == "tool" else message.role
        if flat and flat[-1].role == role:
            flat[-1] = Message(role, f"{flat[-1].text}\n\n{text}")
        else:
            flat.append(Message(role, text))
    flat[-1] = Message(flat[-1].role, f"{flat[-1].text}\n\n{_FORM}\n{tools}")
    return flat
