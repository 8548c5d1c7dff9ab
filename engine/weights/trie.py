"""Calls that share a prompt, as one tree: whatever several samples have in common is computed once.

Eight short answers to one prompt cost little more than one. Only a token that is followed by another must be given to
the model; the last of each answer is predicted, and predicts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from engine.weights.sample import Call


class Row(NamedTuple):
    """A prompt and the tree of what was sampled after it.

    Node `n` is `token[n]` after node `parent[n]`, or after the prompt where that is -1; a parent stands before its
    children. `inner` are the nodes that have children, ascending. A path is a call's owner and its nodes in order.
    """

    prompt: tuple[int, ...]
    token: list[int]
    parent: list[int]
    inner: list[int]
    paths: list[tuple[int, list[int]]]

    @property
    def size(self) -> int:
        """Tokens to be computed."""
        return len(self.prompt) + len(self.inner)


def rows(calls: Iterable[tuple[int, Call]]) -> list[Row]:
    """A row for each prompt among `calls`, in order of appearance; with each call goes the number of its owner."""
    found: dict[tuple[int, ...], list[tuple[int, Sequence[int]]]] = {}
    for owner, call in calls:
        if call.tokens:
            found.setdefault(tuple(call.prompt), []).append((owner, call.tokens))
    return [_row(prompt, endings) for prompt, endings in found.items()]


def depths(row: Row) -> list[int]:
    """How many tokens of its answer stand before each node."""
    found: list[int] = []
    for parent in row.parent:
        found.append(0 if parent < 0 else found[parent] + 1)
    return found


def _row(prompt: tuple[int, ...], endings: Sequence[tuple[int, Sequence[int]]]) -> Row:
    nodes: dict[tuple[int, int], int] = {}
    paths: list[tuple[int, list[int]]] = []
    for owner, tokens in endings:
        path, at = [], -1
        for token in tokens:
            at = nodes.setdefault((at, token), len(nodes))
            path.append(at)
        paths.append((owner, path))
    parent = [before for before, _ in nodes]
    inner = sorted({before for before in parent if before >= 0})
    return Row(prompt, [token for _, token in nodes], parent, inner, paths)
