"""Token sequences with common prefixes, as trees: shared prefixes are computed once.

Eight short answers to one prompt cost little more than one. A token without a successor is predicted, but not fed to
the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

Call = tuple[int, Sequence[int], Sequence[int]]
"""The number of an owner, a prompt of at least one token, and the tokens to predict after it."""


class Row(NamedTuple):
    """A prefix tree: the shared prefix `prompt`, and the nodes after it.

    Node `n` is `token[n]` after node `parent[n]`, or after the prefix if that is -1; parents come before their
    children. `inner` are the nodes that have children, `targets` those to predict, both ascending. A path is the owner
    of a call, and the indices of its tokens in `targets`, in order.
    """

    prompt: tuple[int, ...]
    token: list[int]
    parent: list[int]
    inner: list[int]
    targets: list[int]
    paths: list[tuple[int, list[int]]]

    @property
    def size(self) -> int:
        """The number of tokens to compute."""
        return len(self.prompt) + len(self.inner)


def rows(calls: Iterable[Call], tokens: int) -> list[Row]:
    """Groups calls into trees where sharing saves work; a tree has at most `tokens` tokens, or one prompt.

    In the order of the prompts; calls without tokens are left out.
    """
    found: dict[tuple[int, ...], list[tuple[int, Sequence[int]]]] = {}
    for owner, prompt, ending in calls:
        if ending:
            found.setdefault(tuple(prompt), []).append((owner, ending))
    made: list[Row] = []
    some: list[tuple[int, ...]] = []
    alone = shared = 0  # tokens of `some` without sharing, and tokens of their common prefix
    for prompt in sorted(found):
        size = len(prompt) + _inner(found[prompt])
        common = _shared_prefix(some[0], prompt) if some else len(prompt)
        together = alone + size - len(some) * common
        if some and (together > tokens or len(some) * common <= (len(some) - 1) * shared):
            made.append(_row({prompt: found[prompt] for prompt in some}))
            some, alone, common = [], 0, len(prompt)
        some.append(prompt)
        alone, shared = alone + size, common
    return [*made, _row({prompt: found[prompt] for prompt in some})] if some else made


def depths(row: Row) -> list[int]:
    """The depth of each node."""
    found: list[int] = []
    for parent in row.parent:
        found.append(0 if parent < 0 else found[parent] + 1)
    return found


def batches(some: Sequence[Row], tokens: int) -> list[list[Row]]:
    """Batches of rows of similar length, padded to at most `tokens` unless a single row has more."""
    found: list[list[Row]] = []
    for row in sorted(some, key=lambda row: row.size):
        if found and row.size * (len(found[-1]) + 1) <= tokens:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _row(found: dict[tuple[int, ...], list[tuple[int, Sequence[int]]]]) -> Row:
    prompts = list(found)
    shared = _shared_prefix(prompts[0], prompts[-1])  # prompts are sorted: all others share this prefix
    nodes: dict[tuple[int, int], int] = {}

    def add(at: int, tokens: Sequence[int]) -> list[int]:
        path = []
        for token in tokens:
            at = nodes.setdefault((at, token), len(nodes))
            path.append(at)
        return path

    paths: list[tuple[int, list[int]]] = []
    for prompt, endings in found.items():
        end = [-1, *add(-1, prompt[shared:])][-1]
        paths += ((owner, add(end, ending)) for owner, ending in endings)
    parent = [before for before, _ in nodes]
    inner = sorted({before for before in parent if before >= 0})
    targets = sorted({node for _, path in paths for node in path})
    place = {node: i for i, node in enumerate(targets)}
    known = [(owner, [place[node] for node in path]) for owner, path in paths]
    return Row(prompts[0][:shared], [token for _, token in nodes], parent, inner, targets, known)


def _inner(endings: Sequence[tuple[int, Sequence[int]]]) -> int:
    return len({tuple(ending[:n]) for _, ending in endings for n in range(1, len(ending))})


def _shared_prefix(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    count = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        count += 1
    return count
