"""LawBench with language models in all three roles, against a server on loopback: real cases, played replies."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

pytest.importorskip("anthropic", reason="the extra agents is not installed")

from engine.events import types as t
from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import call, faulty_lawbench, payloads, play_lawbench

pytestmark = [
    pytest.mark.slow,
    pytest.mark.lawbench,
    pytest.mark.timeout(1800),
    pytest.mark.skipif("SIA_LONG" not in os.environ, reason="`make test-long` runs it; the toy has the same runs"),
]
MODELS = ("--agent", "claude", "--model", "anthropic:claude-haiku-4-5")
CAP_USD = 0.5


def test_lawbench_with_claude_goes_from_zero_shot_to_candidates_through_faults(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with AnthropicServer(faulty_lawbench) as server:
        done = call(workspace, server.url, "run", "lawbench", *MODELS, "--generations", "3", "--json", patience_s=1500)
        assert done.returncode == 0, done
        fresh = [one for one in payloads(workspace, t.ModelCalled) if not one.reused]
        retried = payloads(workspace, t.ModelRetried)
        assert len(fresh) + len(retried) == len(server.records), "every attempt is in the log, once"
    assert {one.status for one in retried} >= {429, 529, 500, None}
    first, second, third = json.loads(done.stdout)["generations"]
    assert (first["accepted"], second["accepted"], third["accepted"]) == (True, True, False)
    assert (first["failures"], second["failures"]) == ({}, {}), "a fault of the server is no wrong answer"
    assert first["val"]["score"] < 0.05
    assert second["val"]["score"] > 0.4
    used = [(one.name, one.failed) for one in payloads(workspace, t.ToolCalled) if one.evaluations]
    assert used[:2] == [("write_harness", True), ("write_harness", False)], "broke, then ran"
    assert ("update_harness", True) in used
    refused = [record.body["messages"][-1]["content"][0] for record in server.records if record.body.get("tools")]
    assert any("agent.py does not parse" in str(one.get("content")) for one in refused), "went back before it ran"
    assert json.loads(call(workspace, "", "replay", "last", "--verify", "--json").stdout)["identical"]


def test_a_cap_of_money_is_never_exceeded_on_lawbench(tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    with AnthropicServer(play_lawbench) as server:
        run = ("run", "lawbench", *MODELS, "--generations", "2", "--budget-usd", str(CAP_USD), "--json")
        facts = json.loads(call(workspace, server.url, *run, patience_s=1500).stdout)
        calls = [one for one in payloads(workspace, t.ModelCalled) if not one.reused]
        assert len(calls) == len(server.records), "what was paid for is in the log"
    assert f"the budget of {CAP_USD} usd is too small" in facts["reason"]
    assert CAP_USD / 2 < facts["cost"]["usd"] <= CAP_USD
    assert facts["cost"]["usd"] == pytest.approx(sum(one.usd for one in calls))
    assert json.loads(call(workspace, "", "replay", "last", "--verify", "--json").stdout)["identical"]
