"""What models in this process share: incremental text, room in the context, and one thread for all calls."""

from __future__ import annotations

import asyncio
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.backends.local import Compute, IncrementalText, max_reply_tokens
from engine.models.protocol import PermanentError, Request


@given(text=st.text(), size=st.integers(1, 5))
def test_letters_that_are_cut_between_tokens_arrive_whole(text: str, size: int) -> None:
    told: list[str] = []
    reply = IncrementalText((), told.append)
    raw = text.encode()
    for i in range(0, len(raw), size):
        reply.add(raw[i : i + size])
    reply.add(b"", final=True)
    assert reply.text == "".join(told) == text


@given(before=st.text("ab"), size=st.integers(1, 4))
def test_what_is_told_never_holds_a_piece_of_the_stop(before: str, size: int) -> None:
    told: list[str] = []
    reply = IncrementalText(("###",), told.append)
    raw = f"{before}###after".encode()
    stopped = [reply.add(raw[i : i + size]) for i in range(0, len(raw), size)]
    assert any(stopped)
    assert "".join(told).startswith(before)
    assert "#" not in "".join(told)


def test_a_beginning_of_the_stop_that_goes_on_otherwise_is_text() -> None:
    told: list[str] = []
    reply = IncrementalText(("###",), told.append)
    for piece in (b"a##", b"b#"):
        assert not reply.add(piece)
    reply.add(b"", final=True)
    assert reply.text == "".join(told) == "a##b#"


def test_a_prompt_that_fills_the_context_is_refused_and_one_that_nearly_does_gets_the_rest() -> None:
    assert max_reply_tokens(Request("w", (), max_tokens=100), prompt=95, context=100) == 5
    with pytest.raises(PermanentError, match="too long"):
        max_reply_tokens(Request("w", ()), prompt=100, context=100)


def test_work_that_nobody_waits_for_is_told_to_stop() -> None:
    told = threading.Event()

    async def go() -> None:
        compute, began = Compute("test"), threading.Event()

        def work(stop: threading.Event) -> None:
            began.set()
            if stop.wait(10):
                told.set()

        task = asyncio.create_task(compute.run(work))
        await asyncio.to_thread(began.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await compute.run(lambda _: told.is_set())
        await compute.close(lambda: None)

    asyncio.run(go())
