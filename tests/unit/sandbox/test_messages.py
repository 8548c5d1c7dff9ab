"""Whatever bytes a harness sends are a frame of plain values, or a failure of its own that cost the engine little."""

from __future__ import annotations

import contextlib
import gc
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import plain
from engine.evaluation import answer_codec
from engine.sandbox import messages
from engine.sandbox.messages import AnswerFrame, CallFrame, ErrorFrame, Malformed, decode

ANSWER_BYTES = 1 << 20
FIXED = b"\x92\xa6answer"
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=8)
    | st.dates()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4) | st.integers(0, 9), inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=20,
)


def list_of(count: int, body: bytes) -> bytes:
    return FIXED + b"\xdd" + count.to_bytes(4, "big") + body


def nested(levels: int) -> bytes:
    return FIXED + b"\x91" * levels + b"\xc0"


def with_bytes_as_text(value: Any) -> Any:
    return msgspec.to_builtins(value)


@settings(max_examples=120, deadline=None)
@given(VALUES)
def test_an_answer_is_taken_only_if_the_log_gives_it_back(value: Any) -> None:
    try:
        body = msgspec.msgpack.encode(["answer", value])
    except OverflowError:
        return  # cannot be sent
    match decode(body, ANSWER_BYTES):
        case AnswerFrame(value=taken):
            stored, contents = answer_codec.pack(taken)
            assert answer_codec.unpack(stored, lambda _: contents[0]) == with_bytes_as_text(value)
        case ErrorFrame(kind="candidate", message=message):
            assert message.startswith("its answer holds ")
            assert not is_plain(value)
        case other:
            pytest.fail(f"{other}")


def is_plain(value: Any) -> bool:
    try:
        plain.check(value)
    except plain.NotPlain:
        return False
    return True


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([b"", FIXED, b"\x93\xa4call\xa1x", b"\x93\xa6raised"]), st.binary(max_size=64))
def test_noise_is_a_frame_or_malformed(start: bytes, noise: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert isinstance(decode(start + noise, ANSWER_BYTES), messages.Frame)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (FIXED + b"\x81\x01\x02", "a map with a key of type int"),
        (FIXED + b"\xde\x08\x00" + b"\x91\x01\xc0" * 2048, "a map with a key that is no text"),  # before it is decoded
        (FIXED + b"\x91\xcb\x7f\xf8" + bytes(6), "the number nan"),
        (FIXED + b"\x81\xa1a\xca\x7f\x80\0\0", "the number inf"),
        (FIXED + b"\xd6\xff\0\0\0\0", "a value of type datetime"),
        (nested(plain.MOST_LEVELS + 1), "more than 128 levels"),
        (list_of(4 << 20, b"\x90" * (4 << 20)), "return large arrays as bytes"),
    ],
)
def test_an_answer_that_is_not_plain_is_the_candidate_s_and_says_what_it_holds(body: bytes, says: str) -> None:
    frame = decode(body, 8 << 20)
    assert isinstance(frame, ErrorFrame)
    assert says in frame.message


def test_what_is_allowed_is_taken() -> None:
    for body in (
        nested(plain.MOST_LEVELS),
        msgspec.msgpack.encode(["answer", [[1.5] * 1000] * 1000]),
        msgspec.msgpack.encode(["answer", {"a\0b": bytes(1 << 20), "": [None, True, -(2**63), 2**64 - 1, -0.0]}]),
    ):
        assert isinstance(decode(body, 16 << 20), AnswerFrame)


@pytest.mark.parametrize("payload", [{1: 2}, float("nan"), {"messages": [{"text": float("inf")}]}, ["x"] * 30_000])
def test_a_call_that_is_not_plain_or_too_large_breaks_the_channel(payload: Any) -> None:
    with pytest.raises(Malformed):
        decode(msgspec.msgpack.encode(["call", "model.chat", payload]), ANSWER_BYTES)
    assert isinstance(decode(msgspec.msgpack.encode(["call", "model.chat", "x" * 2_000_000]), 1), CallFrame)


def test_a_call_is_no_larger_where_answers_may_be() -> None:
    body = msgspec.msgpack.encode(["call", "model.chat", "x" * (messages.CALL_BYTES + 1)])
    with pytest.raises(Malformed, match="a call of"):
        decode(body, 1 << 30)


def test_an_answer_is_no_larger_than_its_domain_allows_though_a_call_may_be() -> None:
    body = msgspec.msgpack.encode(["answer", "x" * 2048])
    assert isinstance(decode(body, len(body)), AnswerFrame)
    with pytest.raises(Malformed, match="an answer of"):
        decode(body, len(body) - 1)


def equal_hashes(count: int) -> bytes:
    """A map whose keys are pairs of integers with one hash: the second undoes what the first did to it.

    `tuplehash` of CPython: acc = rotl(acc + lane * P2, 31) * P1 for each lane.
    """
    p1, p2, p5, mask = 11400714785074694791, 14029467366897019727, 2870177450012600261, (1 << 64) - 1

    def lane(acc: int, value: int) -> int:
        acc = (acc + value * p2) & mask
        return ((acc << 31 | acc >> 33) & mask) * p1 & mask

    inverse, wanted, made, first = pow(p2, -1, 1 << 64), (lane(p5, 1) + 1 * p2) & mask, [], 0
    while len(made) < count:
        first += 1
        second = (wanted - lane(p5, first)) * inverse & mask
        if second < (1 << 61) - 1:  # an integer below this is its own hash
            made.append((first, second))
    assert len({hash(pair) for pair in made}) == 1
    pairs = b"".join(msgspec.msgpack.encode(pair) + b"\xc0" for pair in made)
    return FIXED + b"\xdf" + count.to_bytes(4, "big") + pairs


HOSTILE: dict[str, Callable[[], bytes]] = {
    "lists": lambda: list_of(4 << 20, b"\x90" * (4 << 20)),
    "nested lists": lambda: list_of(1 << 20, b"\x91\x91\x91\xc0" * (1 << 20)),
    "maps": lambda: list_of(4 << 20, b"\x80" * (4 << 20)),
    "keys of equal hash": lambda: equal_hashes(20_000),
    "the most lists that are taken": lambda: list_of(130_000, b"\x90" * 130_000),
    "the most texts that are taken": lambda: list_of(500_000, b"\xa2ab" * 500_000),
    "the most numbers that are taken": lambda: list_of(1_000_000, (b"\xcb" + b"\x3f" * 8) * 1_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_no_frame_is_decoded_for_long_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder holds the interpreter's lock, also in a thread; everything else here gives way every 5 ms."""
    body, spent = HOSTILE[name](), [0.0]
    real = messages._decoder

    class Timed:
        def decode(self, data: bytes) -> Any:
            before = time.thread_time()
            try:
                return real.decode(data)
            finally:
                spent.append(time.thread_time() - before)

    def work() -> float:
        before = time.thread_time()
        for number in random.Random(1).sample(range(10**9), 50_000):
            str(number)
        return time.thread_time() - before

    monkeypatch.setattr(messages, "_decoder", Timed())
    pace = min(work() for _ in range(3)) / 0.015  # of a machine that is twice as slow as the one this was written on
    slowest = []
    for _ in range(3):  # the best of three: time for fresh memory is that of other programs, too
        decode(body, 16 << 20)
        slowest.append(max(spent))
        spent[:] = [0.0]
    assert min(slowest) < 0.1 * max(1.0, pace)


def test_no_garbage_is_collected_while_a_frame_is_decoded() -> None:
    """A collection would visit all that this process holds, once for every few thousand lists."""
    body, collected = HOSTILE["the most lists that are taken"](), []

    def count(phase: str, _info: dict[str, int]) -> None:
        collected.append(phase)

    gc.callbacks.append(count)
    try:
        messages._decoder.decode(body)
        assert collected  # what is checked bites
        collected.clear()
        assert len(messages._decoded(body).value) == 130_000  # type: ignore[union-attr]
        assert not collected
    finally:
        gc.callbacks.remove(count)
    assert gc.isenabled()
