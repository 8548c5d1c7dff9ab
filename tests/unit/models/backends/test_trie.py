"""Common prefixes are computed once, and every call finds its own tokens again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.models.backends.trie import Call, batches, depths, rows

IDS = st.lists(st.integers(0, 2), max_size=5)
CALLS = st.lists(st.tuples(IDS.map(lambda ids: [1, *ids]), IDS), max_size=12)


def numbered(calls: list[tuple[list[int], list[int]]]) -> list[Call]:
    return [(i, prompt, tokens) for i, (prompt, tokens) in enumerate(calls)]


@given(CALLS, st.integers(1, 40))
def test_every_call_finds_its_prompt_and_its_tokens_and_none_is_computed_twice(
    calls: list[tuple[list[int], list[int]]], most: int
) -> None:
    found = {}
    for row in rows(numbered(calls), most):
        before = {-1: list(row.prompt)}
        for node, (token, parent) in enumerate(zip(row.token, row.parent, strict=True)):
            before[node] = [*before[parent], token]
        for owner, path in row.paths:
            nodes = [row.targets[at] for at in path]
            found[owner] = (before[row.parent[nodes[0]]], [row.token[node] for node in nodes])
            assert before[nodes[-1]] == [*found[owner][0], *found[owner][1]]
        assert len(set(zip(row.parent, row.token, strict=True))) == len(row.token)
        assert row.inner == sorted({parent for parent in row.parent if parent >= 0})
        assert all(depths(row)[node] == len(before[node]) - len(row.prompt) - 1 for node in range(len(row.token)))
    assert found == {i: call for i, call in enumerate(calls) if call[1]}


def test_eight_short_answers_cost_little_more_than_their_prompt() -> None:
    (row,) = rows([(i, range(20), [5, ending, 2]) for i, ending in enumerate((7, 7, 7, 8, 8, 9, 9, 9))], 64)
    assert row.size == 20 + 1 + 3  # the first word, and three second words; what ends predicts nothing


def test_prompts_that_differ_in_a_name_cost_little_more_than_the_name() -> None:
    calls = [(i, [*range(20), 50 + i, 30, 31], [5, 2]) for i in range(10)]
    (row,) = rows(calls, 100)
    assert row.size == 20 + 10 * (3 + 1)
    assert [row.size for row in rows(calls, 50)] == [20 + 7 * 4, 20 + 3 * 4]


def test_what_shares_too_little_stays_alone() -> None:
    calls = [(0, [1, 2, 3, 4, 5], [9]), (1, [1, 2, 3, 4, 6], [9]), (2, [1, 7, 7, 7, 7], [9])]
    assert [len(row.paths) for row in rows(calls, 100)] == [2, 1]


@given(CALLS)
def test_batches_hold_all_rows_and_no_more_tokens_than_they_may(calls: list[tuple[list[int], list[int]]]) -> None:
    made = rows(numbered(calls), 8)
    found = batches(made, 20)
    assert sorted(row for some in found for row in some) == sorted(made)
    assert all(len(some) == 1 or max(row.size for row in some) * len(some) <= 20 for some in found)
