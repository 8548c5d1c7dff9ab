"""A reply to a prompt with tools, as agents with a desk of files give it: read the program's file, then decide.

The tools are those of this product's language agent: `read_file`, and `update_harness` with exact replacements.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.arena.proposer import found
from benchmarks.arena.proposer.reply import Call, Reply, replacements

_INCUMBENT = re.compile(r"You change candidate (\d+)\. Its files: ([^\n]*?)\.\n")
_PATH = re.compile(r"[\w./-]+\.py")


def reply(body: Mapping[str, Any], program: str | None, change: Callable[[str], str]) -> Reply:
    """The next call: of a file to read while no program was seen, then of the tool that changes it."""
    tools = {tool["function"]["name"]: tool["function"] for tool in body["tools"]}
    incumbent = _INCUMBENT.search(found.prompt(body))
    if program is not None and "update_harness" in tools:
        known = tools["update_harness"]["parameters"]["properties"]
        decision = _decision(_path(body, program), program, change(program))
        return Reply("", [Call("update_harness", {key: value for key, value in decision.items() if key in known})])
    if incumbent is None or "read_file" not in tools:
        return Reply("There is no program in this prompt.")
    asked = {str(arguments.get("path")) for arguments in _asked(body)}
    files = sorted(path for path in incumbent[2].split(", ") if path.endswith(".py"))
    paths = [
        f"candidates/g{incumbent[1]}/harness/{path}" for path in sorted(files, key=lambda path: path == "agent.py")
    ]
    return Reply("", [Call("read_file", {"path": path}) for path in paths if path not in asked][:1])


def _decision(path: str, program: str, changed: str) -> dict[str, Any]:
    return {
        "findings": "Other values may score better.",
        "reason": "Other values.",
        "evidence": [],
        "expected_gain": 0.01,
        "replacements": [{"path": path, "old": old, "new": new} for old, new in replacements(program, changed)],
    }


def _path(body: Mapping[str, Any], program: str) -> str:
    """The file of the program: the one that was read, or else the one named last before its text."""
    read = [str(one["path"]) for one in _asked(body) if "/harness/" in str(one.get("path", ""))]
    if read:
        return read[-1].partition("/harness/")[2]
    whole = found.prompt(body)
    named = _PATH.findall(whole[: whole.rfind(program.splitlines()[0])])
    return named[-1].partition("/harness/")[2] or named[-1] if named else "program.py"


def _asked(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The arguments of the calls of `read_file` so far."""
    return [
        json.loads(call["function"]["arguments"])
        for message in body["messages"]
        for call in message.get("tool_calls") or ()
        if call["function"]["name"] == "read_file"
    ]
