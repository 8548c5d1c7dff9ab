"""The broker: what a harness asks is checked, positioned, seeded and bounded; faults are whose they are."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import SiaError
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.model_broker import MOST_CALLS, NoModel, TaskBroker
from engine.models.calling import BudgetExceeded
from engine.models.protocol import PermanentError, Reply, Request, RetryableError, ToolCall
from engine.sandbox import CallRefused
from engine.seeds import derive
from engine.usage import Usage
from tests.fakes.model import Fake, Ledger, caller

HELLO = {"messages": [{"role": "system", "text": "be brief"}, "hello"], "max_tokens": 7}


class Asks:
    """A broker over a model that keeps what it was asked."""

    def __init__(self, error: Exception | None = None) -> None:
        self.requests: list[Request] = []
        self.error = error
        self.ledger = Ledger()
        self.broker = TaskBroker(caller(Fake(self.reply), self.ledger), 7, "commit")

    async def reply(self, request: Request) -> Reply:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        return Reply("fine", "stop", Usage(input=2, output=1))

    def __call__(self, op: str, payload: Any, key: str | None = "val/v1/0", ordinal: int = 0) -> Any:
        return asyncio.run(self.broker.call(key, op, payload, ordinal))


def test_a_chat_is_answered_with_plain_data() -> None:
    asks = Asks()
    assert asks("model.chat", HELLO) == {
        "text": "fine",
        "finish": "stop",
        "calls": [],
        "usage": {"input": 2, "output": 1},
    }
    (request,) = asks.requests
    assert [(one.role, one.text) for one in request.messages] == [("system", "be brief"), ("user", "hello")]
    assert request.max_tokens == 7


def test_the_sampling_seed_follows_from_the_runs_seed_and_the_position() -> None:
    asks = Asks()
    asks("model.chat", HELLO)
    asks("model.chat", HELLO, ordinal=1)
    asks("model.chat", HELLO, key=None)
    assert [request.seed for request in asks.requests] == [
        derive(7, "model", "val/v1/0", 0),
        derive(7, "model", "val/v1/0", 1),
        derive(7, "model", "prepare", 0),
    ]


def test_a_job_that_is_tried_again_is_told_the_same_without_a_call() -> None:
    asks = Asks()
    assert asks("model.chat", HELLO) == asks("model.chat", HELLO)
    assert len(asks.requests) == 1


def test_scores_come_as_a_list() -> None:
    assert Asks()("model.score", {"prompt": "p", "continuations": ["a", "b"]}) == [-1.0, -1.0]


@pytest.mark.parametrize(
    ("op", "payload"),
    [
        ("model.chat", None),
        ("model.chat", {"messages": 3}),
        ("model.chat", {"messages": [], "weights": "another"}),
        ("model.chat", {"messages": [{"role": "wizard", "text": "x"}]}),
        ("model.chat", {"messages": ["x"], "max_tokens": 1 << 30}),
        ("model.chat", {"messages": ["x"], "max_tokens": 0}),
        ("model.score", {"prompt": "x"}),
        ("tools.call", {"name": "shell", "arguments": {}}),
        ("model.keys", {}),
    ],
)
def test_what_is_wrong_is_refused_and_sends_nothing(op: str, payload: Any) -> None:
    asks = Asks()
    with pytest.raises(CallRefused):
        asks(op, payload)
    assert asks.requests == []


def test_a_solve_calls_the_model_so_often_and_no_more() -> None:
    asks = Asks()
    with pytest.raises(CallRefused, match=str(MOST_CALLS)):
        asks("model.chat", HELLO, ordinal=MOST_CALLS)
    assert asks.requests == []


def test_a_context_that_is_too_long_is_the_instances_failure() -> None:
    asks = Asks(PermanentError("the context is too long", "shorten the prompt", status=400))
    with pytest.raises(CallRefused, match="too long; shorten"):
        asks("model.chat", HELLO)


def test_a_prompt_longer_than_half_of_the_budget_is_the_instances_failure_and_others_go_on() -> None:
    asks = Asks()
    asks.ledger.cap = 100_000
    with pytest.raises(CallRefused, match="more than half of it alone"):
        asks("model.chat", {"messages": ["x" * 200_000]})
    with pytest.raises(CallRefused, match="more than half of it alone"):
        asks("model.score", {"prompt": "x" * 1_000, "continuations": ["a"] * 200})
    assert asks("model.chat", HELLO)["text"] == "fine"


def test_a_budget_that_is_used_up_ends_the_run() -> None:
    asks = Asks()
    asks.ledger.cap, asks.ledger.spent = 100_000, 99_990
    with pytest.raises(BudgetExceeded):
        asks("model.chat", HELLO)


def test_a_refused_key_is_a_persons_to_mend() -> None:
    asks = Asks(PermanentError("invalid key", "check it", status=401))
    with pytest.raises(SiaError, match="invalid key; check it"):
        asks("model.chat", HELLO)


def test_a_model_that_is_away_is_an_infrastructure_failure() -> None:
    asks = Asks(RetryableError("internal error", status=500, after_s=0.0))
    with pytest.raises(InfrastructureFailure, match="no reply in"):
        asks("model.chat", HELLO)


def test_without_a_model_every_call_is_refused() -> None:
    with pytest.raises(CallRefused, match="no task model"):
        asyncio.run(NoModel().call("x", "model.chat", HELLO, 0))


def test_what_a_model_thought_goes_back_to_it_and_nothing_else_does() -> None:
    asks, thought = Asks(), [{"type": "reasoning", "encrypted_content": "sealed"}]
    reply = Reply("", "tools", Usage(input=2, output=1), calls=[ToolCall("a", "look", {})], blocks=thought)

    async def think(request: Request) -> Reply:
        asks.requests.append(request)
        return reply

    asks.broker = TaskBroker(caller(Fake(think), asks.ledger), 7, "commit")
    said = asks("model.chat", {"messages": ["look"]})
    assert said["blocks"] == thought
    turn = {"role": "assistant", "text": "", "calls": said["calls"], "blocks": said["blocks"]}
    asks("model.chat", {"messages": ["look", turn]}, ordinal=1)
    assert list(asks.requests[1].messages[1].blocks) == thought
    for key, blocks in (("val/v1/0", [{"type": "text"}]), ("val/v2/0", thought)):
        with pytest.raises(CallRefused, match="those of a reply in this solve"):
            asks("model.chat", {"messages": ["look", {**turn, "blocks": blocks}]}, key=key, ordinal=2)
    assert len(asks.requests) == 2
