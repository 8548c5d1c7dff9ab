"""The proposer: it finds the program in any prompt, and changes it in the form that is asked for, by its seed alone."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest

from benchmarks.arena import tasks
from benchmarks.arena.proposer import Proposer, found, mutation
from benchmarks.arena.proposer.reply import Reply

PROGRAM = tasks.find("packing-26").start(1)
OTHER = PROGRAM.replace("0.12", "0.13")
FENCED = f"```python\n{PROGRAM}```"
DIFFERENCES = "Use blocks:\n<<<<<<< SEARCH\nold lines\n=======\nnew lines\n>>>>>>> REPLACE\n"


def asked(*texts: str, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": text} for text in texts], **more}


def applied(program: str, text: str) -> str:
    """`program` with the blocks of `text` applied, as the methods that ask for them do."""
    for block in text.split("<<<<<<< SEARCH\n")[1:]:
        old, _, rest = block.partition("\n=======\n")
        new = rest.partition("\n>>>>>>> REPLACE")[0]
        assert program.count(old) == 1
        program = program.replace(old, new)
    return program


@pytest.mark.parametrize(
    "texts",
    [
        [FENCED],
        [f"Top programs:\n```python\n{OTHER}```\nCurrent program:\n{FENCED}\nImprove it."],
        [f"```\n{PROGRAM}```"],
        [f"text ```inline``` and a stray\n```\n{FENCED}\nmore"],
        [FENCED, "And an instruction without a program, with a fence:\n```\n<NAME>\n```"],
        [PROGRAM],
        [f"Scored so far: 1\n{PROGRAM}\nChange what lies between the marks."],
        ["<item>\n" + "".join(f"  {line}" for line in FENCED.splitlines(keepends=True)) + "\n</item>"],
    ],
    ids=["fence", "last-of-two", "no-language", "stray-fence", "earlier-message", "bare", "marks", "indented"],
)
def test_the_program_is_found_whatever_the_form(texts: list[str]) -> None:
    program = found.program(asked(*texts))
    assert program is not None
    assert program.strip() == PROGRAM.strip()


def test_contents_in_parts_are_read_and_a_prompt_without_a_program_has_none() -> None:
    body = {"messages": [{"role": "user", "content": [{"type": "text", "text": FENCED}]}]}
    assert found.program(body) == PROGRAM
    assert found.program(asked("```python\ndef other():\n    return 1\n```")) is None
    assert "no program" in Proposer(1)(1, asked("Hello")).text


def whole(reply: Reply) -> str:
    return reply.text.split("```python\n")[1].split("\n```")[0] + "\n"


def test_every_form_carries_the_same_program() -> None:
    for number in range(1, 30):
        made = whole(Proposer(3)(number, asked(FENCED)))
        assert made != PROGRAM
        assert applied(PROGRAM, Proposer(3)(number, asked(DIFFERENCES + FENCED)).text) == made
        called = Proposer(3)(number, deciding()).calls[0]
        assert called.name == "update_harness"
        assert list(called.arguments) == ASKED
        program = PROGRAM
        for one in called.arguments["replacements"]:
            assert one["path"] == "program.py"
            assert program.count(one["old"]) == 1
            program = program.replace(one["old"], one["new"])
        assert program == made


def test_tags_are_there_where_they_are_asked_for() -> None:
    tagged = Proposer(1)(1, asked(f"<NAME> <DESCRIPTION> <CODE>\n{FENCED}")).text
    assert "<NAME>" in tagged
    assert "<CODE>\n```python\n" in tagged
    assert "<DIFF>" in Proposer(1)(1, asked(f"<NAME> <DIFF>\n{DIFFERENCES}{FENCED}")).text
    assert "<NAME>" not in Proposer(1)(1, asked(FENCED)).text


ASKED = ["findings", "reason", "expected_gain", "replacements"]
DECIDED = {"parameters": {"properties": {name: {} for name in ASKED}}}
TOOLS = [
    {"type": "function", "function": {"name": "read_file"}},
    {"type": "function", "function": {"name": "update_harness", **DECIDED}},
]
OPENING = "The task\n\nYou change candidate 4. Its files: agent.py, harness.toml, program.py.\n\nIts parameters: none."


def deciding() -> dict[str, Any]:
    """The request of an agent that has read the file."""
    path = json.dumps({"path": "candidates/g4/harness/program.py"})
    call = {"id": "1", "type": "function", "function": {"name": "read_file", "arguments": path}}
    body = asked(OPENING, tools=TOOLS)
    body["messages"] += [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "1", "content": PROGRAM},
    ]
    return body


def test_an_agent_with_tools_is_answered_by_reading_and_then_by_a_decision() -> None:
    first = Proposer(1)(1, asked(OPENING, tools=TOOLS)).calls
    assert [(call.name, call.arguments) for call in first] == [
        ("read_file", {"path": "candidates/g4/harness/program.py"})
    ]
    shown = asked(f"{OPENING}\n\nprogram.py:\n{FENCED}", tools=TOOLS)
    assert [call.arguments["replacements"][0]["path"] for call in Proposer(1)(2, shown).calls] == ["program.py"]


def test_what_is_proposed_depends_on_seed_number_and_program_alone() -> None:
    def replies(seed: int) -> list[Reply]:
        return [Proposer(seed)(number, asked(FENCED)) for number in range(1, 8)]

    assert replies(1) == replies(1)
    assert len({reply.text for reply in replies(1)}) == 7
    assert replies(1) != replies(2)
    assert Proposer(1)(5, asked("Other words.", FENCED)) == replies(1)[4]


def test_one_that_returns_what_it_was_given_changes_nothing_and_one_of_comments_nothing_that_runs() -> None:
    returning, commenting = Proposer(1, "returns"), Proposer(1, "comments")
    assert whole(returning(1, asked(FENCED))) == PROGRAM
    blocks = returning(1, asked(DIFFERENCES + FENCED)).text
    assert "<<<<<<< SEARCH" in blocks
    assert applied(PROGRAM, blocks) == PROGRAM
    made = whole(commenting(1, asked(FENCED)))
    assert made != PROGRAM
    assert ast.dump(ast.parse(made)) == ast.dump(ast.parse(PROGRAM))


def test_choices_are_changed_among_what_is_declared_and_a_stated_share_is_broken() -> None:
    made = [whole(Proposer(1)(number, asked(FENCED))) for number in range(1, 401)]
    lines = {line for one in made for line in one.splitlines() if line.startswith("RADII")}
    assert {line.split('"')[1] for line in lines} == {"equal", "greedy", "linear"}
    broken = [one for one in made if "undefined_name" in one or not found.is_program(one)]
    assert 0.4 * mutation.BROKEN < len(broken) / len(made) < 2 * mutation.BROKEN
