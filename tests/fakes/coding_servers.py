"""Servers on loopback behind real coding agents: the forms of Anthropic, OpenAI and Google, as each client wants it.

They ask the mind of `coding_brain` what to do, and say it in calls of the tools that the client has offered. What the
clients send and understand was seen of Claude Code 2.1.197, Codex 0.171.0, opencode 1.18.33 and
Gemini CLI 0.61.0.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from tests.fakes import openai_server
from tests.fakes import playing_client as player
from tests.fakes.anthropic_server import AnthropicServer, Plan, Use
from tests.fakes.coding_brain import Move, next_move
from tests.fakes.serving import Answer, Asked, Server


def claude_code_server() -> AnthropicServer:
    """A server for Claude Code, and for a language model of the same mind."""
    return AnthropicServer(_as_claude)


def _as_claude(asked: Asked) -> Plan:
    body = asked.body
    if not body.get("tools"):  # a question beside the work, as for a title
        return Plan(blocks=["a title"])
    if found := {tool["name"] for tool in body["tools"]} & {"write_harness", "update_harness"}:
        return _by_api(found.pop(), body)
    blocks = [block for message in body["messages"] for block in _blocks(message)]
    seen = [_text(block.get("content")) for block in blocks if block.get("type") == "tool_result"]
    prompt = "\n".join(str(block.get("text", "")) for block in blocks)
    move = next_move(prompt, seen)
    match move.kind:
        case "run":
            return Plan(blocks=[Use("Bash", {"command": move.what, "description": "as planned"})])
        case "read":
            return Plan(blocks=[Use("Read", {"file_path": f"/run/sia/desk/{move.what}"})])
        case "write":
            return Plan(blocks=[Use("Write", {"file_path": f"/run/sia/desk/{move.what}", "content": move.text})])
        case _:
            return Plan(blocks=[move.what])


def _by_api(name: str, body: Mapping[str, Any]) -> Plan:
    """The same decisions by the tools of an agent that is a language model."""
    if name == "write_harness":
        files = {"harness.toml": player.MANIFEST, "agent.py": player.program(player.FIRST)}
        return Plan(blocks=[Use(name, {"reason": "begin simply", "files": files})])
    opening = _text(body["messages"][0]["content"])
    generation = len(re.findall(r"^\d+: ", opening, re.MULTILINE))
    rule = player.RULES[generation - 1]
    told = {key: value for key, value in player.decision(rule, generation).items() if key != "lever"}
    return Plan(blocks=[Use(name, {**told, "files": {"agent.py": player.program(rule)}})])


def _blocks(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _text(content: object) -> str:
    if isinstance(content, list):
        return "\n".join(str(one.get("text", "")) for one in content)
    return str(content)


def opencode_server() -> openai_server.OpenAIServer:
    """A server for opencode; its base is `URL/v1`."""
    return openai_server.OpenAIServer(_as_opencode, kind="other")


def opencode_configuration(url: str) -> str:
    """`opencode.json` of an opencode that is led to the server."""
    options = {"baseURL": f"{url}/v1", "apiKey": "a-key-for-tests"}
    fake = {"npm": "@ai-sdk/openai-compatible", "name": "Fake", "options": options, "models": {"m": {"name": "m"}}}
    return json.dumps({"model": "fake/m", "small_model": "fake/m", "provider": {"fake": fake}})


def _as_opencode(asked: Asked) -> openai_server.Plan:
    messages = asked.body["messages"]
    if not asked.body.get("tools"):
        return openai_server.Plan(text="a title")
    seen = [_text(message["content"]) for message in messages if message["role"] == "tool"]
    prompt = "\n".join(_text(message["content"]) for message in messages if message["role"] == "user")
    move = next_move(prompt, seen)
    path = f"/run/sia/desk/{move.what}"
    match move.kind:
        case "run":
            name, arguments = "bash", {"command": move.what, "description": "as planned"}
        case "read":
            name, arguments = "read", {"filePath": path}
        case "write":
            name, arguments = "write", {"filePath": path, "content": move.text}
        case _:
            return openai_server.Plan(text=move.what)
    return openai_server.Plan(calls=[openai_server.Use(name, json.dumps(arguments), f"call_{len(seen)}")])


def gemini_server() -> Server:
    """A server for Gemini CLI, which is led there by GOOGLE_GEMINI_BASE_URL."""
    return Server(_as_gemini, None, 0)


def _as_gemini(asked: Asked) -> Answer:
    parts = [part for content in asked.body["contents"] for part in content["parts"]]
    seen = [json.dumps(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]
    move = next_move("\n".join(part.get("text", "") for part in parts), seen)
    match move.kind:
        case "run":
            call = {"name": "run_shell_command", "args": {"command": move.what}}
        case "read":
            call = {"name": "read_file", "args": {"file_path": f"/run/sia/desk/{move.what}"}}
        case "write":
            path = f"/run/sia/desk/{move.what}"
            call = {"name": "write_file", "args": {"file_path": path, "content": move.text}}
        case _:
            call = {}
    part = {"functionCall": call} if call else {"text": move.what}
    content = {"role": "model", "parts": [part]}
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 7, "totalTokenCount": 107}
    chunk = {"candidates": [{"content": content, "finishReason": "STOP", "index": 0}], "usageMetadata": usage}
    data = json.dumps(chunk).encode()
    if "stream" not in asked.path:
        return Answer(200, {"content-type": "application/json"}, [data])
    return Answer(200, {"content-type": "text/event-stream"}, [b"data: " + data + b"\n\n"], streamed=True)


def codex_server() -> Server:
    """A server for Codex; its base is `URL/v1`."""
    return Server(_as_codex, None, 0)


def codex_configuration(url: str) -> str:
    """`config.toml` of a Codex that is led to the server, with a key from the variable FAKE_API_KEY."""
    return (
        'model = "gpt-5.5"\nmodel_provider = "fake"\n[model_providers.fake]\nname = "fake"\n'
        f'base_url = "{url}/v1"\nenv_key = "FAKE_API_KEY"\nwire_api = "responses"\n'
    )


def _as_codex(asked: Asked) -> Answer:
    if not asked.path.endswith("/responses"):
        return Answer(404, {}, [b"{}"])
    if not asked.headers.get("authorization", "").endswith("a-key-for-tests"):
        return Answer(401, {"content-type": "application/json"}, [b'{"error": {"message": "Incorrect API key"}}'])
    items = asked.body["input"]
    seen = [_text(item["output"]) for item in items if str(item.get("type")).endswith("_call_output")]
    prompt = "\n".join(_text(item.get("content")) for item in items if item.get("type") == "message")
    item = _item(next_move(prompt, seen), len(seen))
    usage = {"input_tokens": 100 + 10 * len(seen), "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 7,
             "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 107 + 10 * len(seen)}  # fmt: skip
    whole = {"id": f"resp_{asked.n}", "usage": usage, "output": [item]}
    events = [
        _event("response.created", response={"id": whole["id"]}),
        _event("response.output_item.done", item=item, output_index=0),
        _event("response.completed", response=whole),
    ]
    return Answer(200, {"content-type": "text/event-stream"}, events, streamed=True)


def _item(move: Move, n: int) -> dict[str, Any]:
    if move.kind == "say":
        return {
            "type": "message",
            "id": f"m{n}",
            "role": "assistant",
            "content": [{"type": "output_text", "text": move.what}],
        }
    if move.kind == "write" and move.what == "DECISION.json":
        lines = "\n".join(f"+{line}" for line in move.text.splitlines())
        patch = f"*** Begin Patch\n*** Add File: {move.what}\n{lines}\n*** End Patch\n"
        return {"type": "custom_tool_call", "id": f"p{n}", "call_id": f"c{n}", "name": "apply_patch", "input": patch}
    command = {
        "run": move.what,
        "read": f"cat {move.what}",
        "write": f"printf %s {shlex.quote(move.text)} > {move.what}",
    }[move.kind]
    arguments = json.dumps({"cmd": command})
    return {"type": "function_call", "id": f"f{n}", "call_id": f"c{n}", "name": "exec_command", "arguments": arguments}


def _event(kind: str, **content: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **content})}\n\n".encode()
