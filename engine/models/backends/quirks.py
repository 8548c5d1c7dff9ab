"""The differences between servers with OpenAI's API, as data: one row for each kind. docs/models.md shows them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from engine.models.protocol import Abilities, ContextTooLong, PermanentError, Request
from engine.plain import plural
from engine.usage import Usage


class Quirks(NamedTuple):
    """How requests to one kind of server differ."""

    choices: Literal["structured_outputs", "grammar", "schema"]
    schema: Literal["json_schema", "json_object"]
    """`json_object` has the schema beside its type: llama-cpp-python's server answers `json_schema` with 500."""
    limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    streams_usage: bool = True
    """Whether a stream can end with its usage; if not, replies are not streamed, so that tokens are counted."""
    seed: bool = True
    tools: bool = True
    token_ids: bool = False
    """Whether it returns the token ids of prompt and reply, and their log-probabilities."""
    score: bool = False
    """Whether it has `/tokenize`, and `prompt_logprobs` for prompts of token ids."""
    adapters: bool = False
    cuts_prompts: bool = False
    """Whether it cuts a prompt beyond its window without a word."""

    @property
    def abilities(self) -> Abilities:
        return Abilities(
            tools=self.tools, score=self.score, choices=True, schema=True, seed=self.seed, adapters=self.adapters,
            tokens=self.token_ids,
        )  # fmt: skip


QUIRKS: Mapping[str, Quirks] = {
    "openai": Quirks("schema", "json_schema", limit="max_completion_tokens", seed=False),
    "vllm": Quirks("structured_outputs", "json_schema", token_ids=True, score=True, adapters=True),
    "llamacpp": Quirks("grammar", "json_object", streams_usage=False, tools=False),
    "llama-server": Quirks("grammar", "json_schema"),
    "ollama": Quirks("schema", "json_schema", cuts_prompts=True),
    "other": Quirks("schema", "json_schema"),
}
OWNERS: Mapping[str, str] = {
    "vllm": "vllm", "llamacpp": "llama-server", "me": "llamacpp", "library": "ollama", "openai": "openai",
    "system": "openai",
}  # fmt: skip
"""The kind of a server by `owned_by` in its list of models; `me` is llama-cpp-python, `llamacpp` is llama-server, which
has tools and JSON schemas (github.com/ggml-org/llama.cpp, docs/function-calling.md and tools/server/README.md, November
2026)."""
_REFUSABLE = {
    "tool_choice": "tool_choice", "temperature": "sampling", "top_p": "sampling", "'seed'": "seed", "stream": "stream",
}  # fmt: skip
"""By what the refusal names, what is left out from then on. OpenAI streams some models to verified organizations only
(github.com/lobehub/lobehub, issue 9385, 2025-09-22: 400, "must be verified to stream this model")."""
CHOICE = "choice"
"""The member of the reply's object where `choices` are sent as a schema."""


def grammar(choices: Any) -> str:
    """A GBNF grammar that accepts exactly these texts."""
    return "root ::= " + " | ".join(json.dumps(choice, ensure_ascii=False) for choice in choices)


def sampling(request: Request, kind: str, without: Collection[str]) -> dict[str, Any]:
    """Temperature, top_p and seed, as far as the server accepts them."""
    found: dict[str, Any] = {}
    if "sampling" not in without:
        found = {"temperature": request.temperature, "top_p": request.top_p}
    return found | ({"seed": request.seed} if QUIRKS[kind].seed and "seed" not in without else {})


def refused_part(error: PermanentError) -> str:
    """What the server refuses of a request that it may otherwise take; empty where the error says nothing of the kind.

    OpenRouter answers 404 where no provider has a parameter, other servers 400 or 422.
    """
    if error.status not in (400, 404, 422):
        return ""
    return next((part for name, part in _REFUSABLE.items() if name in str(error)), "")


def choice_schema(choices: Sequence[str]) -> dict[str, Any]:
    """The schema of an object with one of these texts as its member `CHOICE`."""
    member = {"type": "string", "enum": list(choices)}
    return {"type": "object", "properties": {CHOICE: member}, "required": [CHOICE], "additionalProperties": False}


def constraint(request: Request, kind: str) -> dict[str, Any]:
    """The members of a request that constrain the reply to its choices or its schema."""
    quirks = QUIRKS[kind]
    schema: Any = request.schema
    if request.choices:
        if quirks.choices == "structured_outputs":
            return {"structured_outputs": {"choice": list(request.choices)}}
        if quirks.choices == "grammar":
            return {"grammar": grammar(request.choices)}
        schema = choice_schema(request.choices)
    if not schema:
        return {}
    if quirks.schema == "json_object":
        return {"response_format": {"type": "json_object", "schema": schema}}
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "reply", "schema": schema}}}


_MOST_BYTES = 12
"""More bytes than a token has on average in any text of some length."""
_MANY_BYTES = 6
"""More bytes than a token has on average in prose and code."""


def cut_prompt(body: Mapping[str, Any], usage: Usage, window: int = 0) -> ContextTooLong | None:
    """The error for a prompt that the server has cut without a word: it counts far fewer tokens than were sent.

    Ollama does so beyond its window. Unless set, that depends on the memory of the GPU: 4,096 tokens below 24 GiB,
    32,768 up to 48, more beyond (github.com/ollama/ollama, docs/context-length.mdx, 2026).
    """
    sent = sum(len((message.get("content") or "").encode()) for message in body["messages"])
    is_beyond = window and sent / _MANY_BYTES > window
    if not (0 < usage.input + usage.cache_read < sent / _MOST_BYTES or is_beyond):
        return None
    return ContextTooLong(
        f"the server has cut the prompt to {plural(usage.input + usage.cache_read, 'token')}, its window",
        "start it with a larger one, for Ollama OLLAMA_CONTEXT_LENGTH=32768",
    )


_WRITTEN = re.compile(r"<tool_call>\s*(\{.*?\})\s*(?:</tool_call>|$)", re.DOTALL)


def written_calls(text: str) -> tuple[str, list[dict[str, Any]]]:
    """The calls that a small model has written as text, in the form of Hermes and Qwen; and the rest of the text."""
    found = []
    for written in _WRITTEN.findall(text):
        try:
            call = json.loads(written)
            found.append({"function": {"name": call["name"], "arguments": call.get("arguments")}})
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            return text, []
    return (_WRITTEN.sub("", text).strip() if found else text), found


def final_text(text: str) -> str:
    """A reply's text without what was thought before it, where a server leaves that in the text.

    Thoughts are a first part in `<think>`, or the channels but `final` of gpt-oss (harmony). Text whose thoughts do not
    end has nothing else.
    """
    if text.lstrip().startswith("<think>"):
        return text.partition("</think>")[2].lstrip()
    if "<|channel|>" not in text:
        return text
    _, found, final = text.rpartition("<|channel|>final<|message|>")
    return final.partition("<|return|>")[0].partition("<|end|>")[0] if found else ""
