"""LawBench with language models in all three roles, against a server on loopback: real cases, played replies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.events import types as t
from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import call, payloads, play_lawbench


@pytest.mark.slow
@pytest.mark.lawbench
@pytest.mark.timeout(1800)
def test_lawbench_with_claude_goes_from_zero_shot_to_candidates(tmp_path: Path) -> None:
    pytest.importorskip("anthropic", reason="the extra agents is not installed")
    workspace = tmp_path / "w"
    with AnthropicServer(play_lawbench) as server:
        models = ("--agent", "claude", "--model", "anthropic:claude-haiku-4-5")
        done = call(workspace, server.url, "run", "lawbench", *models, "--generations", "3", "--json", patience_s=1500)
        assert done.returncode == 0, done
        fresh = [one for one in payloads(workspace, t.ModelCalled) if not one.reused]
        assert len(fresh) == len(server.records)
    first, second, third = json.loads(done.stdout)["generations"]
    assert (first["accepted"], second["accepted"], third["accepted"]) == (True, True, False)
    assert first["val"]["score"] < 0.05
    assert second["val"]["score"] > 0.4
    used = [(one.name, one.failed) for one in payloads(workspace, t.ToolCalled) if one.evaluations]
    assert used[:2] == [("write_harness", True), ("write_harness", False)]
    assert ("update_harness", True) in used
    assert json.loads(call(workspace, "", "replay", "last", "--verify", "--json").stdout)["identical"]
