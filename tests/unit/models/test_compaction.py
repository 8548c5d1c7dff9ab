"""A conversation that exceeds its window loses the oldest results of tools, and nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.models.compaction import LEFT_OUT, next_cut, without_results
from engine.models.protocol import Message, ToolCall

THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "s"}


def conversation(sizes: list[int]) -> list[Message]:
    """A turn with one call for each of `sizes`, the length of its result."""
    messages = [Message("system", "rules"), Message("user", "begin")]
    for number, size in enumerate(sizes):
        call = ToolCall(str(number), "look", {"n": number})
        messages.append(Message("assistant", "so", [call], blocks=[THOUGHT]))
        messages.append(Message("tool", "x" * size, answers=call.id))
    return messages


def test_the_oldest_results_go_first_and_the_last_turn_goes_last() -> None:
    messages = conversation([1000, 1000, 1000, 1000])
    cut = next_cut(messages, 0)
    assert [one.text == LEFT_OUT for one in without_results(messages, cut) if one.role == "tool"] == [
        True, True, False, False,
    ]  # fmt: skip
    cut = next_cut(messages, cut)
    assert [one.text == LEFT_OUT for one in without_results(messages, cut) if one.role == "tool"] == [
        True, True, True, False,
    ]  # fmt: skip
    cut = next_cut(messages, cut)
    assert all(one.text == LEFT_OUT for one in without_results(messages, cut) if one.role == "tool")
    assert next_cut(messages, cut) == cut, "nothing is left to leave out"


@given(st.lists(st.integers(0, 3000), max_size=8))
def test_it_ends_and_keeps_calls_thoughts_and_all_other_texts(sizes: list[int]) -> None:
    messages = conversation(sizes)
    cut, rounds = 0, 0
    while (further := next_cut(messages, cut)) != cut:
        assert further > cut
        cut, rounds = further, rounds + 1
    assert rounds <= len(sizes)
    kept = without_results(messages, cut)
    assert [one for one in kept if one.role != "tool"] == [one for one in messages if one.role != "tool"]
    assert [one.answers for one in kept] == [one.answers for one in messages]
    assert all(len(one.text) <= len(LEFT_OUT) for one in kept if one.role == "tool")
