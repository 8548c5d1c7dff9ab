"""What holds of every decision, whoever makes it: it is new, it cites what was recorded, its training is possible."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.agents.protocol import InvalidCall, Proposal, View
from engine.agents.run_record import RunRecord
from engine.errors import SiaError
from engine.weights.recipe import recipe
from harness_repo.harness import Harness
from harness_repo.likeness import are_alike
from harness_repo.tunable import Value

_CITATION = re.compile(r"g(\d+)(?:/(.+))?")


def known(view: View, record: RunRecord, made: Harness) -> str:
    """Why a harness is not tried: it does what one does that was judged or declined; empty where it is new."""
    for past in view.past:
        files = record.files(past.n) if past.weights == view.weights else None
        if files is not None and are_alike(files, made.files):
            same = "exactly" if files == made.files else "but for comments and layout"
            return f"these are {same} the files of candidate {past.n}, which was judged; change more"
    if any(are_alike(files, made.files) for files in record.declined()):
        return "these are the files of a candidate that a person declined; make another"
    return ""


def cited(view: View, record: RunRecord, names: Sequence[str]) -> list[int]:
    """The numbers of the events cited as `g2` or `g2/ID`; raises `InvalidCall` for a citation without events."""
    numbers = list(view.evidence)
    for one in names:
        found = _CITATION.fullmatch(one.strip())
        events = record.events(int(found[1]), found[2]) if found else []
        if not events:
            raise InvalidCall(f"{one[:80]!r} is no evidence; cite candidates as g2 and answers on train as g2/ID")
        numbers += events
    return sorted(set(numbers))


def chosen(algorithm: str, hyper_parameters: Mapping[str, float]) -> dict[str, Value]:
    """The values of a recipe; raises `InvalidCall` for an unknown algorithm and for impossible values."""
    values: dict[str, Value] = {
        name: int(value) if value == int(value) else value for name, value in hyper_parameters.items()
    }
    try:
        recipe(algorithm, values)
    except SiaError as error:
        raise InvalidCall(f"{error}; {error.remedy}") from None
    return values


def made_before(made: Sequence[Proposal]) -> str:
    """What a conversation for another proposal is told of those that were made."""
    lines = [f"- {one.changed}: {one.reason}" for one in made]
    return "\n".join(
        ["Proposals that were already made for this candidate; take another approach than all of them:", *lines]
    )


def known_of(made: Sequence[Proposal], harness: Harness) -> str:
    """Why `harness` is no other proposal than those that were `made`; empty where it is."""
    if any(are_alike(one.harness.files, harness.files) for one in made):
        return "these are the files of another proposal; take another approach"
    return ""
