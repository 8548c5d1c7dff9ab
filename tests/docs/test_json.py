"""docs/json.md: what the commands print with --json has exactly the shapes that the page gives."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.events.types import PAYLOADS
from tests.docs.commandline import DOCS, PEERS, TOY, contained, live_run, sia, waiting_run
from tests.docs.shape import mismatches
from tests.docs.test_commands import CALLS, SOUND, with_an_adapter

PAGE = DOCS / "json.md"
STANDS_FOR = {
    "RUN": "last", "G": "1", "N": "100", "INSTANCE": "val-101", "OLD": "1", "NEW": "2", "DOMAIN": str(TOY),
    "DIR": "taken", "INPUT": "cases.jsonl",
    "FILE": "run.sia", "NAME": "better", "FOLDER": "tickets", "PEER": str(PEERS / "shinka"),
    "TEMPLATE": "classify", "TEXT": "rule", "QUESTION": "why?",
}  # fmt: skip
NOT_READING = (
    "import --adapter FOLDER",
    "run DOMAIN",
    "run DOMAIN --dry-run",
    "resume RUN",
    "pause RUN",
    "stop RUN",
    "approve RUN --yes",
    "branch RUN --generation G --no-start",
    "fork RUN --at N --no-start",
    "export RUN -o FILE",
    "import FILE",
    "rename RUN NAME",
    "relink RUN DIR",
    "note RUN TEXT",
    "hint RUN TEXT",
    "talk RUN QUESTION",
    "rm RUN --yes",
)
"""What makes, ends or needs a live run is called in an order of its own."""
SCRIPT = """
[[decision]]
reason = "use the rule"
params = { method = "rule", skill = 10 }

[[decision]]
reason = "break it, so that there are failures to show"
files = { "agent.py" = "def solve(instance, ctx):\\n    raise ValueError(instance.id)\\n" }
"""
ONLY_OF_MODELS = ("finish", "usage", "usd?", "reused")
_WHOLE = re.MULTILINE | re.DOTALL
_SECTION = re.compile(r"^## `sia ([^`]+) --json`\n.*?^```json\n(.*?)^```$", _WHOLE)


def shapes() -> dict[str, Any]:
    return {found[1]: json.loads(found[2]) for found in _SECTION.finditer(PAGE.read_text())}


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        ({"a": "integer"}, {}),
        ({"a": "integer"}, {"a": 1, "b": 2}),
        ({"a": "integer"}, {"a": None}),
        ({"a": "integer"}, {"a": True}),
        ({"a": "integer"}, {"a": 1.5}),
        ({"a?": {"b": "string"}}, {"a": {"b": 1}}),
        ({"*": "number"}, {"a": "1"}),
        ([{"a": "string"}], [{"a": "x"}, {"a": 1}]),
        ([{"a": "string"}], {"a": "x"}),
        ({"a": {"b": "string"}}, {"a": []}),
    ],
)
def test_a_wrong_shape_is_noticed(shape: Any, value: Any) -> None:
    assert mismatches(shape, value)


def test_a_right_shape_passes() -> None:
    shape = {"a?": {"b": "number"}, "c": ["any"], "d": {"*": "boolean"}, "e?": "string"}
    assert mismatches(shape, {"a": {"b": 1}, "c": [1, "x"], "d": {"x": True}, "e": None}) == []


def test_every_type_of_event_is_on_the_page() -> None:
    page = PAGE.read_text()
    assert [name for name in PAYLOADS if f"| `{name}` |" not in page] == []


def test_a_call_is_printed_in_the_shape_on_the_page(tmp_path: Path) -> None:
    (tmp_path / ".sia").mkdir()
    shutil.copy(CALLS, tmp_path / ".sia" / "events.db")
    (block,) = re.findall(r"^## `sia call RUN N --json`.*?^```json\n(.*?)^```$", PAGE.read_text(), _WHOLE)
    shape = json.loads(block)
    listed = [json.loads(line) for line in sia(tmp_path, "log", "last", "--calls", "--json").output.splitlines()]
    assert {one["type"] for one in listed} == {"model.called", "tool.called"}
    for one in listed:
        absent = ONLY_OF_MODELS if one["type"] == "tool.called" else ()
        wanted = {name: kind for name, kind in shape.items() if name not in absent}
        assert mismatches(wanted, one) == []
    first = json.loads(sia(tmp_path, "call", "last", str(listed[0]["n"]), "--json").output)
    assert first == listed[0]


@pytest.mark.slow
@pytest.mark.usefixtures("_an_agent_answers")
def test_every_command_prints_the_shape_on_the_page(tmp_path: Path) -> None:
    (tmp_path / "script.toml").write_text(SCRIPT)
    (tmp_path / "cases.jsonl").write_text("1\n2\n")
    known = shapes()
    printed: list[tuple[str, Any]] = []

    def call(command: str, *more: str) -> None:
        stands_for = {**STANDS_FOR, "DOMAIN": SOUND} if command.startswith("check") else STANDS_FOR
        stands_for = {**stands_for, "DIR": str(TOY)} if command.startswith("relink") else stands_for
        words = [*(stands_for.get(word, word) for word in command.split()), *more, "--json"]
        done = sia(tmp_path, *words)
        assert done.status == (1 if command == "doctor" and not contained() else 0), f"sia {' '.join(words)}\n{done}"
        lines = done.output.splitlines() if command == "log RUN" else [done.output]
        printed.extend((command, json.loads(line)) for line in lines)

    call("run DOMAIN", "--agent", "script:script.toml", "--generations", "3", "--budget-evaluations", "900")
    call("run DOMAIN --dry-run")
    for command in known.keys() - set(NOT_READING):
        call(command)
    call("branch RUN --generation G --no-start")
    call("fork RUN --at N --no-start")
    for command in NOT_READING[-8:]:
        call(command, *(("--agent", "claude") if command.startswith("talk") else ()))
    call("run DOMAIN", "--budget-evaluations", "1")  # ends before anything is judged
    with waiting_run(tmp_path):
        call("approve RUN --yes")
    for command in ("pause RUN", "stop RUN"):
        with live_run(tmp_path):
            call(command)
    call("resume RUN", "--generations", "1")

    taken = sia(with_an_adapter(tmp_path / "tuned"), "import", "--adapter", "made-elsewhere", "--json")
    printed.append(("import --adapter FOLDER", json.loads(taken.output)))

    assert {command for command, _ in printed} == known.keys()
    found = [f"{command}: {text}" for command, value in printed for text in mismatches(known[command], value)]
    assert found == []
