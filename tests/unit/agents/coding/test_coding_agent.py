"""A coding agent's work: what it is given, which decisions hold, and what goes back with which reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from engine.agents.coding.agent import CodingAgent
from engine.agents.coding.work import SENT_BACK
from engine.agents.protocol import Left, NoProposal, Proposal
from engine.events import types as t
from tests.agent_tools import FILES, HARNESS, FakeTools, view

BETTER = {**FILES, "agent.py": b"def solve(instance, ctx):\n    return 7 * instance.data % 10\n"}
OTHER = {**FILES, "agent.py": b"def solve(instance, ctx):\n    return 9 * instance.data % 10\n"}
TOLD: dict[str, Any] = {
    "lever": "harness", "findings": "it guesses", "reason": "use the rule", "evidence": ["g1"], "expected_gain": 0.5,
}  # fmt: skip


def left(files: Mapping[str, bytes] = BETTER, told: object = TOLD, notes: str = "", failure: Any = None) -> Left:
    return Left(files, json.dumps(told).encode() if told is not None else b"", notes, failure)


def analysed(tools: FakeTools, **changes: Any) -> t.AnalysisFinished:
    return asyncio.run(CodingAgent("codex").analyse(view(**changes), tools))


def improved(tools: FakeTools, **changes: Any) -> Proposal | NoProposal:
    agent, seen = CodingAgent("codex"), view(**changes)
    return asyncio.run(agent.improve(seen, t.AnalysisFinished("", "harness", ""), tools))


def test_what_it_leaves_is_the_candidate_and_what_it_says_the_analysis() -> None:
    tools = FakeTools(left=[left(notes="the rule is seven")])
    found = analysed(tools)
    assert (found.lever, found.findings, found.reason, found.expected_gain) == (
        "harness",
        "it guesses",
        "use the rule",
        0.5,
    )
    assert found.evidence == [5, 10] and found.notebook == "the rule is seven"
    made = improved(FakeTools(left=[left()]))
    assert isinstance(made, Proposal) and made.harness.files == BETTER and made.changed == "agent.py"


def test_it_is_given_all_that_an_agent_may_read_the_best_candidate_and_its_notes() -> None:
    tools = FakeTools(left=[left()])
    analysed(tools, notebook="so far", hints=[t.RunHinted("look at the tables", "me")])
    (errand,) = tools.errands
    assert errand.files == HARNESS.files and errand.notes == "so far" and not errand.decision
    assert {"TASK.md", "CANDIDATES.md", "references/tables.md", "train/g1/SCORES.tsv"} <= {*errand.tree}
    for said in ("DECISION.json", "look at the tables", "`harness/` is candidate 1", "ctx.model.chat", "Limits of a"):
        assert said in errand.prompt
    assert "sia-try" not in errand.prompt, "there are no evaluations for it"
    assert '"lever": "weights"' not in errand.prompt, "nothing can be trained"


@pytest.mark.parametrize(
    ("first", "why"),
    [
        (left(told=None), "there is no DECISION.json"),
        (left(told=[1]), "Expected `object`"),
        (left(told={**TOLD, "lever": "luck"}), "Invalid enum value 'luck'"),
        (left(told={**TOLD, "surprise": 1}), "unknown field `surprise`"),
        (left(told={**TOLD, "expected_gain": "much"}), "Expected `float`"),
        (left(told={**TOLD, "evidence": ["g7"]}), "'g7' is no evidence"),
        (left(told={**TOLD, "tune": 65}), "<= 64"),
        (left(told={**TOLD, "algorithm": "grpo"}), 'belong to the lever "weights"'),
        (left(told={**TOLD, "lever": "weights", "algorithm": "grpo"}), "only the harness may change here"),
        (left(FILES), "nothing in it has changed"),
        (left({"agent.py": b""}), "harness.toml is missing"),
        (left({**FILES, "agent.py": b"def solve("}), "the harness is not valid"),
        (left({**FILES, "notes.md": b"declined"}), "a person declined"),
        (left({**FILES, "params.toml": b'method = "rule"\n\n', "notes.md": b"2"}), "the files of candidate 2"),
    ],
)  # fmt: skip
def test_a_decision_that_does_not_hold_goes_back_with_the_reason(first: Left, why: str) -> None:
    tools = FakeTools(left=[first, left()])
    found = analysed(tools)
    assert found.reason == "use the rule"
    again = tools.errands[1]
    assert why in again.prompt and "Your decision did not hold" in again.prompt
    assert (again.files, again.decision, again.tree) == (first.files, first.decision, tools.errands[0].tree)


def test_a_harness_that_does_not_run_goes_back_with_its_error() -> None:
    tools = FakeTools(left=[left(), left(OTHER)], breaks=["ValueError: three"])
    made = improved(tools)
    assert isinstance(made, Proposal) and made.harness.files == OTHER
    assert "the harness does not run.\nValueError: three" in tools.errands[1].prompt


def test_it_goes_back_a_bounded_number_of_times_each_time_with_the_newest_reason() -> None:
    tools = FakeTools(left=[left(told=None)] * 9)
    found = analysed(tools)
    assert (found.lever, found.reason) == ("harness", "no decision was made") and "no DECISION.json" in found.findings
    assert len(tools.errands) == SENT_BACK + 1
    assert tools.errands[-1].prompt.count("Your decision did not hold") == 1


@pytest.mark.parametrize("kind", ["timeout", "resource"])
def test_one_that_has_reached_its_limit_is_not_sent_again_but_what_it_has_decided_counts(kind: t.FailureKind) -> None:
    failure = t.Failure(kind, "Codex was stopped")
    tools = FakeTools(left=[left(told=None, failure=failure)] * 2)
    made = improved(tools)
    assert isinstance(made, NoProposal) and len(tools.errands) == 1 and "Codex was stopped" in made.reason
    assert isinstance(improved(FakeTools(left=[left(failure=failure)])), Proposal)


def test_the_lever_weights_needs_an_algorithm_and_possible_values() -> None:
    class Training(FakeTools):
        trainable = True

    weights = {**TOLD, "lever": "weights"}
    plans: Sequence[Left] = [
        left(told=weights),
        left(told={**weights, "algorithm": "luck"}),
        left(FILES, {**weights, "algorithm": "grpo", "hyper_parameters": {"rounds": 2}}),
    ]
    tools = Training(left=plans)
    found = analysed(tools)
    assert (found.lever, found.algorithm, found.recipe) == ("weights", "grpo", {"rounds": 2})
    assert "needs an `algorithm`" in tools.errands[1].prompt and "luck" in tools.errands[2].prompt
    assert isinstance(improved(Training(left=plans)), NoProposal)


def test_tries_are_answered_one_after_another_and_recorded() -> None:
    class Trying(FakeTools):
        evaluations = 100

    asks: list[Mapping[str, Any]] = [
        {}, {"cases": 8, "why": "which?"}, {"instances": ["train-1"]}, {"out_of_fold": True}, {"cases": -1}, {"x": 1},
    ]  # fmt: skip
    tools = Trying(left=[left()], asks=asks)
    analysed(tools)
    assert "sia-try" in tools.errands[0].prompt
    assert [result.failed for result in tools.told] == [False] * 4 + [True] * 2
    assert [result.text[:14] for result in tools.told[:4]] == ["train-0: answe", *["on 20 of train"] * 3]
    assert all(result.text.startswith("sia-try: ") for result in tools.told[4:])
    assert tools.used == [*((n, "sia-try") for n in (1, 2, 3, 4)), (0, "decide")]
    assert [(cases.count, cases.named, cases.out_of_fold) for _, _, cases, _ in tools.probed] == [
        (8, [], False), (20, ["train-1"], False), (20, [], True),
    ]  # fmt: skip


def test_another_proposal_takes_another_approach() -> None:
    agent = CodingAgent("codex")
    made = improved(FakeTools(left=[left()]))
    assert isinstance(made, Proposal)
    tools = FakeTools(left=[left(), left(OTHER)])
    other = asyncio.run(agent.alternative(view(), [made], tools))
    assert isinstance(other, Proposal) and other.harness.files == OTHER
    assert "Proposals that were already made" in tools.errands[0].prompt
    assert "the files of another proposal" in tools.errands[1].prompt


def test_it_writes_the_first_harness_and_an_attempt_begins_with_what_made_the_last_one_fail() -> None:
    told = {"reason": "begin simply"}
    failing = FakeTools(left=[left(told=TOLD)] * 4)
    good = FakeTools(left=[left(told=told)])
    made = asyncio.run(CodingAgent("codex").write([failing, good]))
    assert isinstance(made, Proposal) and (made.reason, made.harness.files) == ("begin simply", BETTER)
    assert not failing.errands[0].files and "You write the first harness" in failing.errands[0].prompt
    assert "unknown field `lever`" in failing.errands[1].prompt
    assert "An earlier attempt made no harness" in good.errands[0].prompt
