"""Faults in the instances of a domain: copies, leaked labels, instability.

Runs in the grading process, where the labels are. Only ids, counts, and names of files and fields leave it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from domains.contract import Instance, Split
from engine.grading.labels.given_files import telling
from engine.sandbox.inside.harness import plain

NEARLY_ALL = 0.95
MOST_LISTED = 5
_SHORTEST = 6
"""Shorter texts occur in any file by chance."""

_encode = msgspec.msgpack.Encoder(order="deterministic", enc_hook=plain).encode  # as the pipe: numpy's are numbers


class LabelLeak(msgspec.Struct, frozen=True):
    """A place in `id` or `data` that contains the label, in `share` of the labelled instances."""

    where: str
    share: float
    exact: bool


class Facts(msgspec.Struct, frozen=True):
    """`shared_ids`, `shared_data`: examples of pairs `split/id = split/id`
    across splits; `shared_data_count` counts them. `unstable`: splits that differ when they are read again. `leaks`:
    places visible to a harness that contain labels. `in_harness`: files of the seed harness that contain ids, data or
    labels of val or test. `in_given`: files that a harness may read and that tell labels of val or test. `labelled`:
    splits in which every instance has a label. `one_data`: all instances have equal data, as where each is one more run
    of the same program. `reported`: the subset of test that the domain reports and that has none of the shared data, if
    only test shares data."""

    shared_ids: list[str]
    shared_data: list[str]
    shared_data_count: int
    unstable: list[str]
    leaks: list[LabelLeak]
    in_harness: list[str]
    in_given: list[str]
    labelled: list[str]
    one_data: bool
    reported: str = ""


def examine(
    splits: Mapping[Split, Sequence[Instance]],
    second: Mapping[Split, Sequence[Instance]],
    harness: Mapping[str, bytes],
    subsets: Callable[[], Mapping[str, Sequence[str]]] = dict,
    given: Path | None = None,
) -> Facts:
    """The facts about `splits`. `second` is a second reading of them; `harness` has the files of the seed harness;
    `subsets` returns the subsets of test that the domain reports; `given` is the folder that a harness may read."""
    by_id: dict[str, Split] = {}
    by_data: dict[bytes, tuple[Split, str]] = {}
    shared_ids, shared_data = [], []
    copies: dict[Split, set[str]] = {split: set() for split in splits}
    for split, items in splits.items():
        for item in items:
            if (other := by_id.setdefault(item.id, split)) != split:
                shared_ids.append(f"{other}/{item.id} = {split}/{item.id}")
            where, name = by_data.setdefault(_data_digest(item.data), (split, item.id))
            if where != split:
                shared_data.append(f"{where}/{name} = {split}/{item.id}")
                copies[split].add(item.id)
    every = [item for items in splits.values() for item in items]
    hidden = [*splits["val"], *splits["test"]]
    known = {_encode(item.label) for item in splits["train"]}
    return Facts(
        shared_ids=shared_ids[:MOST_LISTED],
        shared_data=shared_data[:MOST_LISTED],
        shared_data_count=len(shared_data),
        unstable=[split for split in splits if _encode(list(splits[split])) != _encode(list(second[split]))],
        leaks=list(_leaks(every)),
        in_harness=list(_in_harness(hidden, known, harness)),
        in_given=telling(hidden, given)[:MOST_LISTED] if given else [],
        labelled=[split for split, items in splits.items() if items and all(item.label is not None for item in items)],
        one_data=len(by_data) == 1,
        reported=_reported(copies["test"], subsets()) if copies["test"] and not copies["val"] else "",
    )


def _reported(copies: set[str], subsets: Mapping[str, Sequence[str]]) -> str:
    return next((name for name, ids in sorted(subsets.items()) if ids and copies.isdisjoint(ids)), "")


def fingerprint(items: Sequence[Instance]) -> str:
    """SHA-256 over a split with its labels, in the order in which a harness would get it."""
    return hashlib.sha256(msgspec.msgpack.encode(list(items), enc_hook=plain)).hexdigest()


def _data_digest(data: Any) -> bytes:
    """Equal for equal data; the case and spacing of texts is ignored."""
    told = " ".join(data.casefold().split()) if isinstance(data, str) else data
    return hashlib.sha256(_encode(told)).digest()


def _leaks(items: Sequence[Instance]) -> Iterator[LabelLeak]:
    """Places that contain the label of nearly every instance; none if all labels are equal."""
    labelled = [item for item in items if item.label is not None]
    if len({_encode(item.label) for item in labelled}) < 2:
        return
    equal: dict[str, int] = {}
    for item in labelled:
        label = _encode(item.label)
        for where in {where for where, value in _places(item.data, "data") if _encode(value) == label}:
            equal[where] = equal.get(where, 0) + 1
    yield from (
        LabelLeak(where, count / len(labelled), exact=True)
        for where, count in sorted(equal.items())
        if count >= NEARLY_ALL * len(labelled)
    )
    for where, texts in (("id", [item.id for item in labelled]), ("data", [_text(item.data) for item in labelled])):
        labels = [str(item.label) for item in labelled]
        own = sum(label in text for label, text in zip(labels, texts, strict=True)) / len(labelled)
        # a text that contains every label, or another one as often, leaks nothing
        other = sum(label in text for label, text in zip(_other_labels(labels), texts, strict=True)) / len(labelled)
        if own >= NEARLY_ALL and other < own / 2 and not any(place.startswith(where) for place in equal):
            yield LabelLeak(where, own, exact=False)


def _other_labels(labels: Sequence[str]) -> list[str]:
    """A different label for each of `labels`."""
    known = sorted(set(labels))
    following = dict(zip(known, [*known[1:], known[0]], strict=True))
    return [following[label] for label in labels]


def _text(data: Any) -> str:
    return "\n".join(str(value) for _, value in _places(data, "") if isinstance(value, (str, int, float)))


def _places(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """A value and everything inside it, each with its place."""
    yield where, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _places(inner, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple)) and len(value) <= 64:
        for at, inner in enumerate(value):
            yield from _places(inner, f"{where}[{at}]")


def _in_harness(hidden: Sequence[Instance], known: set[bytes], harness: Mapping[str, bytes]) -> Iterator[str]:
    """Files of the harness that contain what occurs only in val and test."""
    needles = {"ids": [item.id for item in hidden], "data": [item.data for item in hidden]}
    needles["labels"] = [item.label for item in hidden if _encode(item.label) not in known]
    for file, content in harness.items():
        text = content.decode("utf-8", "replace")
        for what, values in needles.items():
            found = sum(isinstance(one, str) and len(one) >= _SHORTEST and one in text for one in values)
            if found:
                yield f"{file} ({found} {what})"
