"""In a sandbox an unmodified SDK reaches the model, at the positions of `ctx.model`, and nothing else is reached."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from domains.contract import Limits
from engine.sandbox import CallRefused, Isolation
from tests.unit.sandbox.gateway.replies import SAID
from tests.unit.sandbox.running import run

LIMITS = Limits(cpu_s=10, wall_s=20, prepare_cpu_s=10, prepare_wall_s=20, memory_mb=1024, disk_mb=4, processes=8)
ASK = """
import http.client, json, os, urllib.request

def ask(text, **more):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], **more}).encode()
    url = os.environ["OPENAI_BASE_URL"] + "/chat/completions"
    with urllib.request.urlopen(urllib.request.Request(url, body)) as reply:
        return json.loads(reply.read())["choices"][0]["message"]["content"]
"""


class Model:
    """Answers `model.chat`; refuses what is `forbidden`."""

    def __init__(self) -> None:
        self.calls: list[tuple[str | None, int, str]] = []

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        text = payload["messages"][-1]
        self.calls.append((job_key, ordinal, text if isinstance(text, str) else text["text"]))
        if "forbidden" in str(payload):
            raise CallRefused("the budget is spent")
        await asyncio.sleep(0)
        return SAID


def outcomes(source: str, isolation: Isolation, model: Model, data: Any = ("a", "b"), **options: Any) -> Any:
    settings = {"gateway": True, "limits": LIMITS, "workers": 1, **options}
    return run(ASK + source, data, isolation, broker=model, **settings)


def test_calls_through_it_and_through_ctx_model_share_their_positions(isolation: Isolation) -> None:
    model = Model()
    source = """
def solve(instance, ctx):
    ctx.model.chat(["first"])
    ask("second")
    return ctx.model.chat(["third"])["text"]
"""
    first, second = outcomes(source, isolation, model)
    assert first.answer == second.answer == SAID["text"]
    assert model.calls[:3] == [("key0", 0, "first"), ("key0", 1, "second"), ("key0", 2, "third")]


def test_a_client_that_was_made_in_prepare_serves_every_solve(best: Isolation) -> None:
    model = Model()
    source = """
def prepare(ctx):
    import anthropic
    client = anthropic.Anthropic()
    client.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": "once"}])
    return client

def solve(instance, ctx):
    said = ctx.prepared.messages.create(model="m", max_tokens=9, messages=[{"role": "user", "content": instance.data}])
    return said.content[0].text
"""
    assert [one.answer for one in outcomes(source, best, model)] == [SAID["text"]] * 2
    assert model.calls == [(None, 0, "once"), ("key0", 0, "a"), ("key1", 0, "b")]


def test_a_failure_after_a_refused_call_is_one_of_that_call(isolation: Isolation) -> None:
    source = """
def solve(instance, ctx):
    if instance.data == "b":
        ask("hello")
        raise ValueError("mine")
    ask("forbidden")
"""
    refused, own = outcomes(source, isolation, Model())
    assert (refused.failure.kind, own.failure.kind) == ("model", "candidate")


def test_threads_that_call_at_once_are_all_answered(isolation: Isolation) -> None:
    model = Model()
    source = """
from concurrent.futures import ThreadPoolExecutor

def solve(instance, ctx):
    with ThreadPoolExecutor(4) as pool:
        return len(list(pool.map(ask, [str(number) for number in range(20)])))
"""
    (outcome,) = outcomes(source, isolation, model, ["a"])
    assert outcome.answer == 20
    assert sorted(ordinal for _, ordinal, _ in model.calls) == list(range(20))


def test_an_answer_while_a_call_is_under_way_is_an_answer(isolation: Isolation) -> None:
    source = """
import threading, time

def solve(instance, ctx):
    threading.Thread(target=ask, args=("hello",), daemon=True).start()
    time.sleep(0.05)
    return "done"
"""
    assert [one.answer for one in outcomes(source, isolation, Model())] == ["done"] * 2


def test_a_flood_ends_at_the_limit_on_calls(isolation: Isolation) -> None:
    source = """
def solve(instance, ctx):
    while True:
        try:
            ask("hello")
        except OSError as error:
            if not hasattr(error, "code"):
                raise
"""
    model = Model()
    (outcome,) = outcomes(source, isolation, model, ["a"])
    assert outcome.failure.kind == "resource"
    assert len(model.calls) == 1024


def test_without_it_no_socket_of_the_internet_is_made(best: Isolation) -> None:
    source = """
def solve(instance, ctx):
    import socket
    try:
        socket.socket(socket.AF_INET)
    except OSError:
        return [name for name in os.environ if name.startswith(("OPENAI", "ANTHROPIC"))]
"""
    assert outcomes(source, best, Model(), ["a"], gateway=False)[0].answer == []


def test_beside_it_nothing_is_reached(best: Isolation) -> None:
    source = """
def solve(instance, ctx):
    import socket
    found = []
    for family, kind, protocol in instance.data["kinds"]:
        try:
            socket.socket(family, kind, protocol).close()
            found.append([family, kind, protocol])
        except OSError:
            pass
    for address in ("127.0.0.1", "10.0.0.1", "1.1.1.1"):
        try:
            socket.create_connection((address, instance.data["port"]), timeout=2).close()
            found.append(address)
        except OSError:
            pass
    return found
"""
    stream, datagram, raw, tcp, mptcp, sctp = 1, 2, 3, 6, 262, 132
    kinds = [(2, stream, 0), (2, stream, tcp), (2, stream | 0x80800, 0), (2, stream, mptcp), (2, stream, sctp)]
    kinds += [(2, datagram, 0), (2, raw, 1), (2, 5, 0), (10, stream, 0), (16, raw, 0), (17, raw, 0), (40, stream, 0)]
    with socket.create_server(("127.0.0.1", 0)) as server:
        data = {"kinds": [list(kind) for kind in kinds], "port": server.getsockname()[1]}
        (outcome,) = outcomes(source, best, Model(), [data])
    assert outcome.answer == [list(kind) for kind in kinds[:3]]


@pytest.mark.parametrize("attack", ["close()", "shutdown(socket.SHUT_RDWR)", "accept()"])
def test_a_solve_that_breaks_its_gateway_breaks_no_other(best: Isolation, attack: str) -> None:
    source = """
import gc, socket

def solve(instance, ctx):
    if instance.data == "a":
        for end in [one for one in gc.get_objects() if isinstance(one, socket.socket)]:
            try:
                end.ATTACK
            except OSError:
                pass
        return "broken"
    return ask("hello")
""".replace("ATTACK", attack)
    _, second = outcomes(source, best, Model())
    assert second.answer == SAID["text"]
