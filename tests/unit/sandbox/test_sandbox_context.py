"""What `ctx` offers a harness, and what its calls return."""

from __future__ import annotations

import numpy as np

from engine.sandbox import Isolation
from tests.unit.sandbox.running import Echo, run


def test_ctx_offers_all_that_is_promised(isolation: Isolation) -> None:
    source = """
    def prepare(ctx):
        assert ctx.prepared is None
        return ctx.rng.random()
    def solve(instance, ctx):
        first = ctx.train()[0]
        return [instance.id, instance.data, first.id, first.data, first.label, ctx.params, ctx.prepared]
    """
    prepared = __import__("random").Random(7).random()
    (outcome,) = run(source, [{"x": [1, b"raw"]}], isolation)
    assert outcome.answer == ["id0", {"x": [1, b"raw"]}, "t1", "text", "label", {"k": 3}, prepared]
    assert outcome.failure is None


def test_calls_reach_the_broker_with_their_job_and_ordinal(isolation: Isolation) -> None:
    source = """
    def prepare(ctx):
        ctx.tools.call("look", at=1)
    def solve(instance, ctx):
        reply = ctx.model.chat([{"role": "user", "content": "hi"}], temperature=0)
        scores = ctx.model.score("p", ["a", "b"])
        return [reply["payload"], scores["payload"]]
    """
    broker = Echo()
    (outcome,) = run(source, [None], isolation, broker=broker)
    assert broker.calls == [(None, "tools.call", 0), ("key0", "model.chat", 0), ("key0", "model.score", 1)]
    chat = {"messages": [{"role": "user", "content": "hi"}], "temperature": 0}
    assert outcome.answer == [chat, {"prompt": "p", "continuations": ["a", "b"]}]


def test_a_refusal_is_an_exception_that_may_be_caught(isolation: Isolation) -> None:
    source = """
    def solve(instance, ctx):
        try:
            ctx.model.chat(["forbidden"])
        except Exception as error:
            if instance.data == "catch":
                return str(error)
            raise
    """
    caught, uncaught = run(source, ["catch", "let pass"], isolation)
    assert caught.answer == "the budget is spent"
    assert uncaught.failure is not None
    assert (uncaught.failure.kind, uncaught.failure.message.endswith("the budget is spent")) == ("model", True)


def test_an_error_of_the_broker_comes_out(isolation: Isolation) -> None:
    class Broken:
        async def call(self, job_key: str | None, op: str, payload: object, ordinal: int) -> object:
            raise ZeroDivisionError("ours")

    try:
        run("def solve(i, ctx):\n    ctx.model.chat([])", [None], isolation, broker=Broken())
    except ZeroDivisionError as error:
        assert str(error) == "ours"
    else:
        raise AssertionError


def test_output_is_kept_in_order_and_capped(isolation: Isolation) -> None:
    source = r"""
    import os, subprocess, sys
    def solve(instance, ctx):
        print("one \x1b[31m \ud800")
        ctx.log("two", 2)
        print("three", file=sys.stderr)
        subprocess.run(["echo", "four"])
        os.write(1, b"\xff")
        return sys.stdin.read()
    """
    (outcome,) = run(source, [None], isolation)
    assert outcome.log == "one \x1b[31m \\ud800\ntwo 2\nthree\nfour\n\ufffd"
    assert outcome.answer == ""
    (long,) = run("def solve(i, c):\n    print('x' * 300_000)", [None], isolation)
    assert len(long.log) < 257 << 10
    assert long.log.endswith("bytes of output left out]\n")


def test_a_traceback_is_in_the_log_and_names_only_the_harness(best: Isolation) -> None:
    source = """
    def deeper():
        raise ValueError("no\\nanswer here")
    def solve(instance, ctx):
        deeper()
    """
    (outcome,) = run(source, [None], best)
    assert outcome.failure is not None
    assert (outcome.failure.kind, outcome.failure.message) == ("candidate", "ValueError: no answer here")
    assert 'agent.py", line 5, in solve' in outcome.log
    assert "/inside/" not in outcome.log


def test_numpy_s_values_become_plain(isolation: Isolation) -> None:
    source = """
    import numpy as np
    def solve(instance, ctx):
        return {"scalar": np.int64(3), "array": np.arange(3), "global": float(np.random.random())}
    """
    first, second = run(source, [None, None], isolation)
    assert first.answer["scalar"] == 3
    assert first.answer["array"] == [0, 1, 2]
    np.random.seed(0)
    assert first.answer["global"] == np.random.random()
    assert second.answer["global"] != first.answer["global"]


def test_other_files_of_the_harness_are_there(isolation: Isolation) -> None:
    import asyncio

    from engine.sandbox import Job, Program, run_harness
    from tests.unit.sandbox.running import LIMITS

    files = {
        "agent.py": b"import lib.more\nfrom pathlib import Path\n"
        b"def solve(i, c):\n    return lib.more.word + (Path(__file__).parent / 'prompts/a.md').read_text()",
        "lib/more.py": b"word = 'hello '",
        "prompts/a.md": "wörld".encode(),
    }

    async def collect() -> object:
        outcomes = run_harness(
            Program(files, "agent.py", limits=LIMITS),
            [Job("k", "i", 0, 0)],
            workers=1,
            broker=Echo(),
            isolation=isolation,
        )
        return [outcome.answer async for outcome in outcomes]

    assert asyncio.run(collect()) == ["hello wörld"]
