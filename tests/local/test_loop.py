"""Whole small runs with the real SmolLM2, as task agent and as Feedback-Agent. Run by `make test-local`.

What it decides may be poor; it has to be in form, recorded and gated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.events import types as t
from tests.playing import call, payloads, small

pytest.importorskip("llama_cpp", reason="needs the extra local")
pytest.importorskip("gguf", reason="needs the extra local")

pytestmark = [pytest.mark.local, pytest.mark.timeout(1800)]
PATIENCE_S = 1500.0
MOST_READ = 1000
"""Tokens of one prompt: what a slow processor reads in seconds."""
ASKS = """
def solve(instance, ctx):
    reply = ctx.model.chat([f"7 times {instance.data} is"], max_tokens=8, temperature=0.7)
    digits = [letter for letter in reply["text"] if letter.isdigit()]
    ctx.log(reply["text"])
    return int(digits[-1]) if digits else 0
"""


@pytest.fixture
def toy(tmp_path: Path, shipped: Path) -> str:
    """The small toy; `shipped` has SmolLM2 fetched."""
    return small(tmp_path / "times7")


def run(workspace: Path, *arguments: str) -> Any:
    done = call(workspace, "", "run", *arguments, "--json", patience_s=PATIENCE_S)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_smollm2_is_the_task_agent_and_the_same_seed_gives_the_same_replies(tmp_path: Path, toy: str) -> None:
    (Path(toy) / "harness" / "agent.py").write_text(ASKS)
    asked = []
    for name in ("one", "two"):
        facts = run(tmp_path / name, toy, "--model", "smollm2", "--generations", "1", "--seed", "5")
        assert facts["generations"][0]["accepted"]
        asked.append({(one.place, one.ordinal): one for one in payloads(tmp_path / name, t.ModelCalled)})
    one, two = asked
    assert len(one) == 12 + 4
    assert {place: (call.reply, call.usage) for place, call in one.items()} == {
        place: (call.reply, call.usage) for place, call in two.items()
    }
    assert all(call.usage.input > 0 and 0 < call.usage.output <= 8 and call.usd == 0 for call in one.values())
    replayed = call(tmp_path / "one", "", "replay", "last", "--verify", "--json")
    assert json.loads(replayed.stdout)["identical"]


def test_smollm2_is_the_feedback_agent_under_a_grammar(tmp_path: Path, toy: str) -> None:
    workspace = tmp_path / "w"
    facts = run(workspace, toy, "--agent", "local", "--seed-harness", "--generations", "3")
    calls = payloads(workspace, t.ModelCalled)
    assert {one.role for one in calls} == {"feedback"}
    assert max(one.usage.input for one in calls) < MOST_READ
    decided = payloads(workspace, t.AnalysisFinished)
    assert [one.lever for one in decided] == ["harness", "harness"]
    assert all(one.evidence and len(one.reason) <= 60 for one in decided)
    assert [one.accepted for one in payloads(workspace, t.GateDecided)] == [
        one["accepted"] for one in facts["generations"]
    ]
    made = payloads(workspace, t.HarnessWritten)
    assert [one.author for one in made] == ["seed", "local", "local"]
    assert len({one.tree for one in made}) == 3, "each candidate is another"
    assert json.loads(call(workspace, "", "replay", "last", "--verify", "--json").stdout)["identical"]
