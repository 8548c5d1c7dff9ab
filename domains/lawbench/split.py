"""The cut of the published training cases into `train` and `val`: a constant, kept in `cut.json`.

`compute` produced the constant, and a test recomputes it. It depends only on texts, labels and SHA-256. `python -m
domains.lawbench.split` writes it again.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec

from domains.lawbench import duplicates
from domains.lawbench.data import Case, Cases, locate, read

FILE = Path(__file__).with_name("cut.json")
VAL_SHARE = 0.2


class Cut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ids only: which training cases are `val`, and which test cases have a (near-)duplicate among all of them."""

    val: list[str]
    test_exact: list[str]
    test_near: list[str]


def load_recorded() -> Cut:
    """The cut that every run uses."""
    return msgspec.json.decode(FILE.read_bytes(), type=Cut)


def compute(cases: Cases) -> Cut:
    """Cuts `cases` and finds the test cases that are not new."""
    everything = [*cases.train, *cases.test]
    size = len(cases.train)
    linked = list(duplicates.pairs([case.facts for case in everything]))
    known = {case.facts for case in cases.train}
    near = {later for earlier, later in linked if earlier < size <= later}
    grouped = duplicates.groups(size, [pair for pair in linked if pair[1] < size])
    return Cut(
        val=choose_val(cases.train, grouped),
        test_exact=[case.id for case in cases.test if case.facts in known],
        test_near=[everything[position].id for position in sorted(near)],
    )


def choose_val(cases: Sequence[Case], grouped: Sequence[Sequence[int]]) -> list[str]:
    """Ids of `val`: at most round(20%) of each charge, whole groups of near-duplicates, in an order set by SHA-256."""
    room = {charge: round(VAL_SHARE * count) for charge, count in Counter(case.charge for case in cases).items()}
    chosen: list[str] = []
    for group in sorted(grouped, key=lambda group: _rank(cases[group[0]])):
        wanted = Counter(cases[member].charge for member in group)
        if all(count <= room[charge] for charge, count in wanted.items()):
            for charge, count in wanted.items():
                room[charge] -= count
            chosen.extend(cases[member].id for member in group)
    return sorted(chosen)


def _rank(case: Case) -> bytes:
    return hashlib.sha256(f"lawbench/{case.id}/{case.facts}".encode()).digest()


if __name__ == "__main__":
    FILE.write_bytes(msgspec.json.format(msgspec.json.encode(compute(read(locate(None)))), indent=1) + b"\n")
