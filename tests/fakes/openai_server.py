"""A fake of servers with OpenAI's API, of each kind with its quirks; what it says comes from a script of the test.

As a process: `python -m tests.fakes.openai_server --port-file F --script file.py:function [--record-file R]`.

Its rules, with the page that has each:

- GPT-5.4 to 5.6 refuse tools on chat completions unless `reasoning_effort` is `none`, also where none is sent:
  github.com/BerriAI/litellm, pull request 34569 (2026-07-24); github.com/openai/openai-openapi, issue 541 (2026-05-18).
- DeepSeek wants `reasoning_content` back with every call of a tool, also an empty one: github.com/anomalyco/opencode,
  issue 24722, which quotes api-docs.deepseek.com/guides/thinking_mode (2026); github.com/deepseek-ai/deepseek-harness,
  discussion 739 (2026).
- Ollama's window and how it tells of it: github.com/ollama/ollama, docs/context-length.mdx (commit 948f6933, 2026).
- llama-server without `--jinja` answers tools with 500: github.com/defilantech/LLMKube, issue 126 (2026-01-27).
- `usage.cost` in dollars: openrouter.ai/docs/use-cases/usage-accounting (2026).
- Models that OpenAI streams to verified organizations only: github.com/lobehub/lobehub, issue 9385 (2025-09-22).
- `stream_options` without a stream is refused: github.com/BerriAI/litellm, issue 5803 (2024-09-20). Some servers refuse
  it: github.com/RooCodeInc/Roo-Code, issue 83 (2024-12-12).
- Mistral's content may be a list of parts: github.com/spring-projects/spring-ai, pull request 5020 (2025-12).
- The rest is from the facts of November 2026.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

from tests.fakes import openai_responses as responses
from tests.fakes.serving import Answer, Asked, End, Record, Server, serve

OWNED_BY = {
    "vllm": "vllm",
    "llamacpp": "me",
    "llama-server": "llamacpp",
    "ollama": "library",
    "openai": "system",
    "other": "someone",
}
PIECE = 7


class Use(NamedTuple):
    """A call of a tool; `arguments` is the JSON that the model writes, well-formed or not."""

    name: str
    arguments: str
    id: str = "call_1"


class Plan(NamedTuple):
    """What the fake says, or an error where `status` is none of success; `cut_at` ends a stream after so many bytes."""

    text: str | None = ""
    calls: Sequence[Use] = ()
    finish: str = ""
    reasoning: str = ""
    status: int = 200
    body: str = '{"error": {"message": "this is a fake", "code": null}}'
    headers: Mapping[str, str] = {}
    cut_at: int | None = None
    end: End = "broken"
    pause_s: float = 0.0


Script = Callable[[Asked], Plan]
Serves = Literal["adapters", "base", "first", "nothing"]
"""How vLLM scores texts under an adapter: rightly, as the base, as the first adapter, or not at all."""


def tokenized(text: str) -> list[int]:
    """The fake's tokens: a letter each."""
    return [ord(letter) for letter in text]


class OpenAIServer(Server):
    """The fake in a thread of this process; `key` is demanded where it is not empty.

    Without `streams` it takes no notice of a request to stream. As vLLM it sees all folders, or those in `sees`.
    `start_anew` forgets all adapters.
    """

    def __init__(
        self,
        script: Script,
        note: Callable[[Record], None] | None = None,
        *,
        kind: str = "openai",
        key: str = "",
        models: Sequence[str] = ("m",),
        runtime_adapters: bool = True,
        serves: Serves = "adapters",
        sees: Path | None = None,
        window: int = 1 << 30,
        refuses: Sequence[str] = (),
        streams: bool = True,
        port: int = 0,
    ) -> None:
        served, paths = list(models), dict[str, Path]()

        def answer(asked: Asked) -> Answer:
            if asked.path == "/health":
                return Answer(200, {}, [b""])
            if key and asked.headers.get("authorization") != f"Bearer {key}":
                return _error(401, "Incorrect API key provided", "invalid_api_key")
            if told := _window_told(asked, kind, window):
                return told
            if asked.path == "/v1/models":
                listed = [{"id": name, "object": "model", "owned_by": OWNED_BY[kind]} for name in served]
                return _json({"object": "list", "data": listed})
            if asked.path == "/v1/load_lora_adapter" and kind == "vllm" and runtime_adapters:
                return _loaded(asked.body, served, paths, sees)
            if asked.body.get("model") not in served:
                return _error(404, f"The model `{asked.body.get('model')}` does not exist.", "model_not_found")
            if asked.path == "/tokenize" and kind == "vllm":
                return _json({"tokens": tokenized(asked.body["prompt"])})
            if asked.path == "/v1/completions" and kind == "vllm":
                first = next(iter(paths), "") if serves == "first" and asked.body["model"] in paths else ""
                name = "" if serves == "base" else first or asked.body["model"]
                scores = _under(asked.body["prompt"], name, paths.get(name))
                return _json(_scored(asked.body["prompt"], scores if serves != "nothing" else None))
            if asked.body.get("stream") and "stream" in refuses:
                return _error(400, "Your organization must be verified to stream this model.", "unsupported_value")
            if asked.path == "/v1/responses" and kind == "openai" and "/v1/responses" not in refuses:
                return responses.answer(asked, script(asked))
            if asked.path != "/v1/chat/completions":
                return _error(404, "Not Found", "")
            if found := [name for name in refuses if name in asked.body]:
                return _error(400, f"Unsupported parameter: '{found[0]}' is not supported with this model.", "")
            if refused := _refused(asked.body, kind):
                return refused
            plan = script(asked)
            if plan.status != 200:
                return Answer(plan.status, {"content-type": "application/json", **plan.headers}, [plan.body.encode()])
            if asked.body.get("stream") and streams:
                return _streamed(asked, plan, kind)
            return _whole(asked, plan, kind, window)

        def start_anew(how: Serves) -> None:
            nonlocal serves
            serves, served[:] = how, models
            paths.clear()

        self.start_anew = start_anew
        super().__init__(answer, note, port)


def _refused(body: Mapping[str, Any], kind: str) -> Answer | None:
    form = body.get("response_format") or {}
    if "stream_options" in body and not body.get("stream"):
        return _error(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "")
    if kind == "llamacpp" and form.get("type") == "json_schema":
        return _error(500, "1 validation error", "internal_server_error")
    if kind == "openai" and "max_tokens" in body and str(body["model"]).startswith("gpt-5"):
        return _error(400, "Unsupported parameter: 'max_tokens'", "unsupported_parameter")
    reasons = (
        str(body["model"]).startswith(("gpt-5.4", "gpt-5.5", "gpt-5.6")) and body.get("reasoning_effort") != "none"
    )
    if kind == "openai" and reasons and body.get("tools"):
        message = "Function tools with reasoning are not supported for this model in /v1/chat/completions."
        return _error(400, message, "unsupported_parameter")
    said = [message for message in body.get("messages", []) if message.get("tool_calls")]
    if str(body["model"]).startswith("deepseek") and any("reasoning_content" not in message for message in said):
        return _error(400, "The reasoning_content in the thinking mode must be passed back to the API.", "")
    if kind == "openai" and "temperature" in body and str(body["model"]).startswith("gpt-5"):
        return _error(400, "Unsupported value: 'temperature'", "unsupported_value")
    return None


def _usage(body: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    prompt = len(json.dumps(body["messages"]))
    output = len(plan.text or "") + len(plan.reasoning) + sum(len(use.arguments) for use in plan.calls)
    cached = {"cached_tokens": prompt // 2}
    return {
        "prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output,
        "prompt_tokens_details": cached,
    }  # fmt: skip


def _window_told(asked: Asked, kind: str, window: int) -> Answer | None:
    """What Ollama and llama-server say of their window: github.com/ollama/ollama, docs/api.md (`/api/ps` of a model
    that is loaded, `/api/show`), and github.com/ggml-org/llama.cpp, tools/server/README.md (`/props`), as of 2026."""
    if kind == "llama-server" and asked.path == "/props":
        return _json({"default_generation_settings": {"n_ctx": window}})
    if kind == "ollama" and asked.path == "/api/ps":
        return _json({"models": []})
    if kind == "ollama" and asked.path == "/api/show":
        return _json({"parameters": f'stop "<|im_end|>"\nnum_ctx {window}', "model_info": {}})
    return None


def _choice(body: Mapping[str, Any], plan: Plan, kind: str) -> dict[str, Any]:
    calls = [
        {"id": use.id, "type": "function", "function": {"name": use.name, "arguments": use.arguments}}
        for use in plan.calls
    ]
    message = {"role": "assistant", "content": plan.text, "tool_calls": calls, "reasoning_content": plan.reasoning}
    choice = {"index": 0, "message": message, "finish_reason": plan.finish or ("tool_calls" if calls else "stop")}
    if kind == "vllm" and body.get("return_token_ids"):
        ids = tokenized(plan.text or "")
        choice |= {"token_ids": ids, "logprobs": {"content": [{"token": chr(i), "logprob": -i / 100} for i in ids]}}
    return choice


def _whole(asked: Asked, plan: Plan, kind: str, window: int) -> Answer:
    answer = {"id": f"chatcmpl-{asked.n}", "object": "chat.completion", "model": asked.body["model"]}
    answer |= {"choices": [_choice(asked.body, plan, kind)], "usage": _usage(asked.body, plan)}
    answer["usage"]["prompt_tokens"] = min(window, answer["usage"]["prompt_tokens"])
    answer["usage"]["prompt_tokens_details"] = {"cached_tokens": answer["usage"]["prompt_tokens"] // 2}
    if kind == "vllm":
        answer["prompt_token_ids"] = tokenized(json.dumps(asked.body["messages"]))
    raw = json.dumps(answer).encode()
    if plan.cut_at is None:
        return Answer(200, {"content-type": "application/json"}, [raw])
    # In good order and yet too short: only what the text means tells that something is missing.
    return Answer(200, {"content-type": "application/json"}, [raw[: plan.cut_at]], streamed=True, end=plan.end)


def _streamed(asked: Asked, plan: Plan, kind: str) -> Answer:
    choice = _choice(asked.body, plan, kind)
    text, ids = plan.text or "", choice.get("token_ids")
    deltas: list[dict[str, Any]] = [{"delta": {"role": "assistant", "content": "", "reasoning_content": ""}}]
    deltas += [{"delta": {"reasoning_content": part}} for part in _parts(plan.reasoning)]
    for at in range(0, len(text), PIECE):
        told = {} if ids is None else {
            "token_ids": ids[at : at + PIECE], "logprobs": {"content": choice["logprobs"]["content"][at : at + PIECE]},
        }  # fmt: skip
        deltas.append({"delta": {"content": text[at : at + PIECE]}, **told})
    for index, use in enumerate(plan.calls):
        start = {"index": index, "id": use.id, "function": {"name": use.name, "arguments": ""}}
        parts = [{"index": index, "function": {"arguments": part}} for part in _parts(use.arguments)]
        deltas += [{"delta": {"tool_calls": [call]}} for call in [start, *parts]]
    deltas.append({"delta": {}, "finish_reason": choice["finish_reason"]})
    head = {"id": f"chatcmpl-{asked.n}", "object": "chat.completion.chunk", "model": asked.body["model"]}
    chunks = [{**head, "choices": [{"index": 0, "finish_reason": None, **delta}]} for delta in deltas]
    if kind == "vllm":
        chunks[0]["prompt_token_ids"] = tokenized(json.dumps(asked.body["messages"]))
    if (asked.body.get("stream_options") or {}).get("include_usage"):
        chunks.append({**head, "choices": [], "usage": _usage(asked.body, plan)})
    events = [f"data: {json.dumps(chunk)}\n\n".encode() for chunk in chunks] + [b"data: [DONE]\n\n"]
    if plan.cut_at is None:
        return Answer(200, {"content-type": "text/event-stream"}, events, streamed=True, pause_s=plan.pause_s)
    raw = b"".join(events)[: plan.cut_at]
    return Answer(200, {"content-type": "text/event-stream"}, [raw], streamed=True, end=plan.end)


def _loaded(body: Mapping[str, Any], served: list[str], paths: dict[str, Path], sees: Path | None) -> Answer:
    """vLLM's answer to `/v1/load_lora_adapter`, which it notes: vllm/entrypoints/openai/models/serving.py (2026)."""
    name, path = str(body.get("lora_name", "")), str(body.get("lora_path", ""))
    if not name or not path:
        return _error(400, "Both 'lora_name' and 'lora_path' must be provided.", "InvalidUserInput")
    if name in paths and not body.get("load_inplace"):
        return _error(400, f"The lora adapter '{name}' has already been loaded.", "InvalidUserInput")
    if not Path(path).is_dir() or (sees and not Path(path).is_relative_to(sees)):
        return _error(404, f"Loading lora {name} failed: No adapter found for {path}", "NotFoundError")
    paths[name] = Path(path)
    served.append(name)
    return Answer(200, {}, [f"Success: LoRA adapter '{name}' added successfully.".encode()])


def _under(prompt: Sequence[int], name: str, path: Path | None) -> list[float]:
    """Log-probabilities of the tokens after the first under an adapter: as its fingerprint has it, or by its name."""
    base = [-i / 100 for i in prompt[1:]]
    if path is None:
        return base
    told = json.loads((path / "manifest.json").read_text()).get("fingerprint")
    if told and told["ids"] == list(prompt):
        return [b + new - old for b, new, old in zip(base, told["adapter"], told["base"], strict=True)]
    return [b - (1 + int(name[:4], 16)) / 1e5 for b in base]


def _scored(prompt: Sequence[int], scores: Sequence[float] | None) -> dict[str, Any]:
    rows = scores and [
        None,
        *(
            {str(i): {"logprob": score, "rank": 1, "decoded_token": chr(i)}}
            for i, score in zip(prompt[1:], scores, strict=True)
        ),
    ]
    choice = {"index": 0, "text": "x", "prompt_logprobs": rows, "finish_reason": "length"}
    return {"choices": [choice], "usage": {"prompt_tokens": len(prompt), "completion_tokens": 1}}


def _parts(text: str) -> list[str]:
    return [text[i : i + PIECE] for i in range(0, len(text), PIECE)]


def _json(body: Any) -> Answer:
    return Answer(200, {"content-type": "application/json"}, [json.dumps(body).encode()])


def _error(status: int, message: str, code: str) -> Answer:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return Answer(status, {"content-type": "application/json"}, [json.dumps({"error": error}).encode()])


if __name__ == "__main__":
    serve(OpenAIServer, "A fake of a server with OpenAI's API on loopback.")
