"""A language model tries harnesses before it decides: each try is an event, counts, and is not executed twice."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine import trust
from engine.events import types as t
from engine.events.reader import Reader
from tests.fakes.anthropic_server import AnthropicServer, Plan, Use
from tests.fakes.serving import Asked
from tests.playing import BROKEN, MANIFEST, call, payloads, said, small, turns

pytest.importorskip("anthropic", reason="the extra agents is not installed")
pytestmark = pytest.mark.slow

RUN = ("--agent", "claude", "--generations", "2")
FACTORS = (3, 9, 7, 4)
"""What the model believes in, in this order; 7 is right."""
NEVER = "def solve(instance, ctx):\n    return -1\n"


def times(factor: int) -> str:
    return f"def solve(instance, ctx):\n    ctx.log('by', {factor})\n    return {factor} * instance.data % 10\n"


def results(body: Mapping[str, Any]) -> list[str]:
    """What the tools have answered, in order."""
    blocks = [block for message in body["messages"] for block in message["content"] if isinstance(block, dict)]
    return [str(block["content"]) for block in blocks if block.get("type") == "tool_result"]


def cost_of_probes(workspace: Path) -> Any:
    rows = json.loads(call(workspace, "", "cost", "last", "--json").stdout)["by"]
    return next(row for row in rows if row["on"] == "probes")


def update(factor: int, **more: Any) -> Use:
    told = {"findings": "the factor is wrong", "reason": f"multiply by {factor}", "evidence": [], "expected_gain": 0.5}
    return Use("update_harness", told | more)


def guessing(asked: Asked) -> Plan:
    """It may not try: it proposes what it believes in most."""
    return meta(asked.body) or Plan(blocks=[update(FACTORS[0], files={"agent.py": times(FACTORS[0])})])


def trying(asked: Asked) -> Plan:
    """It tries all that it believes in, and decides for what scored best."""
    body = asked.body
    if plan := meta(body):
        return plan
    turn = turns(body)
    if turn < len(FACTORS):
        files = {"agent.py": times(FACTORS[turn])}
        return Plan(blocks=[Use("try_harness", {"why": "which factor?", "files": files, "cases": 8})])
    found = [re.search(r"mean score ([0-9.]+)", one) for one in results(body)]
    scores = [float(one[1]) if one else -1.0 for one in found]
    best = max(range(len(FACTORS)), key=scores.__getitem__)
    return Plan(blocks=[update(FACTORS[best], start=best + 1)])


def meta(body: Mapping[str, Any]) -> Plan | None:
    """The Meta-Agent tries one that breaks and one that answers, and writes the latter."""
    if "write_harness" not in {tool["name"] for tool in body["tools"]}:
        return None
    turn = turns(body)
    if turn == 2:
        return Plan(blocks=[Use("write_harness", {"reason": "it answers", "start": 2})])
    files = {"harness.toml": MANIFEST, "agent.py": NEVER if turn else BROKEN}
    return Plan(blocks=[Use("try_harness", {"why": "does it run?", "files": files, "cases": 3})])


class Told(NamedTuple):
    """A finished run, and the server that it was played against."""

    workspace: Path
    server: AnthropicServer


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("tried")
    with AnthropicServer(trying) as server:
        done = call(folder / "w", server.url, "run", small(folder / "times7"), *RUN, "--name", "first")
        assert done.returncode == 0, done
        yield Told(folder / "w", server)


def test_a_model_that_may_try_improves_what_one_that_may_not_does_not(finished: Told, tmp_path: Path) -> None:
    with AnthropicServer(guessing) as server:
        done = call(tmp_path / "w", server.url, "run", small(tmp_path / "times7"), *RUN)
    assert done.returncode == 0, done
    assert [one.accepted for one in payloads(tmp_path / "w", t.GateDecided)] == [True, False]
    assert [one.accepted for one in payloads(finished.workspace, t.GateDecided)] == [True, True]


def test_each_try_is_a_probe_beside_the_best_candidate_and_is_counted(finished: Told) -> None:
    probes = payloads(finished.workspace, t.ProbeFinished)
    assert [(one.generation, one.fold) for one in probes] == [(0, "3 of train")] * 2 + [(1, "8 of train")] * 5
    assert [one.score.score == 1.0 for one in probes[2:]] == [False, False, False, True, False]
    assert [one.why for one in probes].count("the best candidate, to compare with") == 1, "it is measured once"
    assert cost_of_probes(finished.workspace)["evaluations"] == sum(one.evaluations for one in probes) == 2 * 3 + 5 * 8


def test_the_model_is_told_scores_differences_failures_logs_and_time(finished: Told) -> None:
    with contextlib.closing(Reader.open(finished.workspace / "events.db")) as reader:
        used = [one for one in payloads(finished.workspace, t.ToolCalled) if one.name == "try_harness"]
        told = [reader.blob(one.result).decode() for one in used]
    assert "failed: 3 of 3 (candidate 3)" in told[0] and "ValueError: not written yet" in told[0]
    right = told[4]
    assert right.startswith("try 3: on 8 of train, which it did not learn from: mean score 1.0000 ± 0.0000")
    assert "the best candidate on the same cases: 0.0000; difference +1.0000 ± 0.0000 (8 better, 0 worse)" in right
    assert re.search(r"time: [0-9.]+ s of CPU a case", right) and "by 7" in right
    assert "better: train-" in right


def test_a_replay_verifies_and_a_fork_executes_and_sends_nothing(finished: Told, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    trust.remember(shutil.copytree(finished.workspace, workspace))
    assert json.loads(call(workspace, "", "replay", "first", "--verify", "--json").stdout)["identical"]
    requests = len(finished.server.records)
    done = call(workspace, finished.server.url, "fork", "first", "--at", "3")
    assert done.returncode == 0, done
    assert len(finished.server.records) == requests
    probes = payloads(workspace, t.ProbeFinished)
    assert {one.reused for one in probes} == {True} and len(probes) == 7
    cost = cost_of_probes(workspace)
    assert not cost["evaluations"] and cost["reused"] == 2 * 3 + 5 * 8
    assert [one.accepted for one in payloads(workspace, t.GateDecided)] == [True, True]


def test_a_try_beyond_the_budget_is_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    with AnthropicServer(trying) as server:
        limit = ("--budget-evaluations", str(16 + 16 + 6 + 3 + 15 + 16))
        done = call(tmp_path / "w", server.url, "run", small(tmp_path / "times7"), *RUN, *limit, "--json")
    told = [answer for record in server.records for answer in results(record.body)]
    assert any("not tried: it takes 8 evaluations" in answer for answer in told), done
    facts = json.loads(done.stdout)
    assert facts["cost"]["evaluations"] <= 72 and len(facts["generations"]) == 2


def test_what_is_said_of_a_try_has_no_case_of_val_or_test(finished: Told) -> None:
    asked = [json.dumps(record.body) for record in finished.server.records]
    assert not [text for text in asked if re.search(r"\b(val|test)-\d", text)]
    assert [text for text in asked if "train-" in text]
    assert said(finished.server.records[0].body["messages"][0])
