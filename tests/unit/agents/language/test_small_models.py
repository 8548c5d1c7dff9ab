"""Models without tools of their own decide under a grammar, from little that they read."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from engine.agents.language import compact
from engine.agents.language.conversation import READING_SMALL, REPAIRS_SMALL
from engine.agents.protocol import NoProposal, Proposal, View
from harness_repo.harness import parse
from tests.agent_tools import FILES, FakeTools, chooses, says, view
from tests.deciding import GRAMMAR, improve, told


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"tool": "update_harness", "arguments": ' + '{"a": ' * 100_000, "Use one of the tools"),
        ('{"tool": "update_harness", "arguments": {"expected_gain": 1' + "0" * 30 + "}}", "more than 64 bits"),
        ('{"tool": "update_harness", "arguments": {"findings": "\\ud83d"}}', "Use one of the tools"),
    ],
)
def test_under_a_grammar_too_what_a_model_wrote_wrongly_goes_back_to_it(text: str, why: str) -> None:
    small = {"findings": "it guesses", "reason": "the rule", "evidence": ["g1"], "expected_gain": 0.1}
    right = chooses("update_harness", {**small, "params": {"method": "rule"}})
    tools = FakeTools(says(text), right, abilities=GRAMMAR)
    assert isinstance(improve(tools), Proposal)
    assert why in told(tools)


def test_a_model_without_tools_decides_under_a_grammar() -> None:
    small = {"findings": "it guesses", "reason": "the rule", "evidence": ["g1"], "expected_gain": 0.1}
    tools = FakeTools(
        chooses("count_confusions", {"candidate": 1}),
        chooses("update_harness", {**small, "params": {"method": "rule"}}),
        abilities=GRAMMAR,
    )
    made = improve(tools)
    assert isinstance(made, Proposal)
    assert made.harness.params == {"method": "rule"}
    assert not tools.questions[0].tools
    schema = msgspec.json.encode(tools.questions[0].schema).decode()
    assert '"enum":["rule"]' in schema, "not the value that it has"
    assert [message.role for message in tools.questions[1].messages] == ["system", "user", "assistant", "user"]


def test_under_a_grammar_reading_ends_soon() -> None:
    tools = FakeTools(*[chooses("show_rewards", {"candidate": 1}) for _ in range(20)], abilities=GRAMMAR)
    assert isinstance(improve(tools), NoProposal)
    offered = [question.schema for question in tools.questions]
    assert len(offered) == READING_SMALL + REPAIRS_SMALL + 1
    assert all("anyOf" in (schema or {}) for schema in offered[:READING_SMALL])
    assert not any("anyOf" in (schema or {}) for schema in offered[READING_SMALL:])


def test_under_a_grammar_little_is_read_and_what_fails_is_told_at_once() -> None:
    tools = FakeTools(chooses("update_harness", {}), chooses("update_harness", {}), chooses("update_harness", {}),
                chooses("update_harness", {}), abilities=GRAMMAR)  # fmt: skip
    assert isinstance(improve(tools), NoProposal)
    first = tools.questions[0].messages
    assert sum(len(message.text) for message in first) < 3500
    assert "expected 7, given 0" in first[-1].text
    assert "ValueError: three" in first[-1].text


def test_under_a_grammar_no_candidate_that_is_known_is_offered_again() -> None:
    assert _offered(view())["params"] == {"anyOf": [_only("method", {"enum": ["rule"]})]}
    declined = view(declined=[{"method": "rule"}])
    assert "params" not in _offered(declined)
    assert _offered(declined)["files"] == {"anyOf": [_only("agent.py", {"type": "string"})]}


@pytest.mark.parametrize(
    ("declared", "offered"),
    [
        ('type = "int"\nlow = 0\nhigh = 3', [0, 1, 2, 3]),
        ('type = "int"\nlow = 1\nhigh = 1024\nlog = true', [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]),
        ('type = "float"\nlow = 0.0\nhigh = 0.99999', [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.99999]),
    ],
)
def test_under_a_grammar_numbers_are_a_few_steps_of_their_range(declared: str, offered: list[float]) -> None:
    manifest = f'name = "toy"\n[tunables.x]\n{declared}\n'
    now = b"x = 0.25\n" if "float" in declared else b"x = 1\n"
    files = {**FILES, "harness.toml": manifest.encode(), "params.toml": now}
    (only,) = _offered(view(harness=parse(files)))["params"]["anyOf"]
    assert only["properties"]["x"]["enum"] == pytest.approx([value for value in offered if value != 1])


def _offered(seen: View) -> Any:
    return compact.decision("update_harness", seen).parameters["properties"]


def _only(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": {name: shape}, "required": [name], "additionalProperties": False}
