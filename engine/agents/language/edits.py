"""Edits of a harness by a language model: whole files, exact replacements, removals, values. Checked, then applied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from engine.agents.protocol import MOST_TUNED, InvalidCall
from engine.plain import plural
from engine.weights.recipe import ALGORITHMS
from harness_repo.harness import Harness, HarnessInvalid, parse
from harness_repo.tunable import Value

NOTEBOOK = 6000
"""The most characters of a notebook."""
Findings = Annotated[str, Meta(description="What you found out, in a few sentences.", max_length=4000)]
Reason = Annotated[str, Meta(description="What you change, and why it should help.", max_length=2000)]
Evidence = Annotated[
    list[str], Meta(description="Candidates (g2) and their answers to training cases (g2/ID) that this rests on.")
]
Gain = Annotated[float, Meta(description="The gain in the mean score on val that you expect.", ge=-1e9, le=1e9)]
Cost = Annotated[str, Meta(description="What the change will cost to run, if it is more than before.", max_length=500)]
Notebook = Annotated[
    str,
    Meta(
        description="Your notebook as it shall stand from now on, whole: what later decisions need to know. "
        "Empty leaves it as it is.",
        max_length=NOTEBOOK,
    ),
]
Start = Annotated[int, Meta(description="The try whose files to edit; 0: those of the best candidate.", ge=0)]
Files = Annotated[dict[str, str], Meta(description="Whole files by path, replacing or adding.")]


class Replacement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Text of a file that occurs exactly once, and what takes its place."""

    path: str
    old: str
    new: str


class Edits(Protocol):
    """Edits of files."""

    @property
    def files(self) -> Mapping[str, str]:
        """Whole files by path, replacing or adding."""
        ...

    @property
    def replacements(self) -> Sequence[Replacement]:
        """Exact replacements in files."""
        ...

    @property
    def remove(self) -> Sequence[str]:
        """Paths of files to remove."""
        ...

    @property
    def params(self) -> Mapping[str, Value]:
        """New values of parameters."""
        ...


class WriteHarness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `write_harness`."""

    reason: Reason
    files: Files


class WriteTriedHarness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `write_harness` where harnesses may be tried."""

    reason: Reason
    files: Files = {}
    start: Annotated[int, Meta(description="The try whose files to begin from; 0: from none.", ge=0)] = 0


class UpdateHarness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `update_harness`."""

    findings: Findings
    reason: Reason
    evidence: Evidence
    expected_gain: Gain
    cost: Cost = ""
    notebook: Notebook = ""
    files: Files = {}
    replacements: Annotated[list[Replacement], Meta(description="Exact replacements in files.")] = []
    remove: Annotated[list[str], Meta(description="Paths of files to remove.")] = []
    params: Annotated[dict[str, Value], Meta(description="New values of parameters in params.toml.")] = {}
    tune: Annotated[
        int,
        Meta(
            description="So many values of the tunables in harness.toml are tried on a fold of the training cases, and "
            "the best become the candidate's. 0: none.",
            ge=0,
            le=MOST_TUNED,
        ),
    ] = 0


class UpdateTriedHarness(UpdateHarness, frozen=True, forbid_unknown_fields=True):
    """The arguments of `update_harness` where harnesses may be tried."""

    start: Start = 0


class TryHarness(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `try_harness`."""

    why: Annotated[str, Meta(description="What you want to find out, in a few words.", max_length=300)]
    files: Files = {}
    replacements: Annotated[list[Replacement], Meta(description="Exact replacements in files.")] = []
    remove: Annotated[list[str], Meta(description="Paths of files to remove.")] = []
    params: Annotated[dict[str, Value], Meta(description="New values of parameters in params.toml.")] = {}
    start: Start = 0
    merge: Annotated[
        list[int],
        Meta(
            description="Instead of `start`, two candidates whose changes to the one they came from are merged.",
            max_length=2,
        ),
    ] = []
    cases: Annotated[int, Meta(description="On so many held-out cases of train.", ge=1, le=1_000_000)] = 20
    instances: Annotated[list[str], Meta(description="Instead on these cases of train, by id.")] = []
    out_of_fold: Annotated[
        bool, Meta(description="Instead on all of train, each case held out once: the surest and the most expensive.")
    ] = False


class UpdateWeights(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `update_weights`."""

    findings: Findings
    reason: Reason
    evidence: Evidence
    expected_gain: Gain
    algorithm: Annotated[str, Meta(description=f"One of {', '.join(ALGORITHMS)}.")]
    hyper_parameters: Annotated[dict[str, float], Meta(description="What differs from the defaults, by name.")] = {}
    cost: Cost = ""
    notebook: Notebook = ""


def edited(before: Mapping[str, bytes], update: Edits) -> Harness:
    """The files with `update` applied, as a harness; raises `InvalidCall` if it does not fit or is invalid."""
    files = {path: content for path, content in before.items() if path not in update.remove}
    if missing := sorted(set(update.remove) - set(before)):
        raise InvalidCall(f"there is no file {missing[0]!r} to remove")
    files |= {path: text.encode("utf-8", "replace") for path, text in update.files.items()}
    for replacement in update.replacements:
        files[replacement.path] = _replace(files, replacement)
    made = parse_files(files)
    try:
        return made.with_params(update.params) if update.params else made
    except HarnessInvalid as error:
        raise InvalidCall(f"the harness is not valid: {error}") from None


def parse_files(files: Mapping[str, bytes]) -> Harness:
    """The files as a harness; raises `InvalidCall`, which names the rule that they break."""
    try:
        return parse(files)
    except HarnessInvalid as error:
        raise InvalidCall(f"the harness is not valid: {error}") from None


def _replace(files: Mapping[str, bytes], replacement: Replacement) -> bytes:
    if replacement.path not in files:
        raise InvalidCall(f"there is no file {replacement.path!r}")
    text = files[replacement.path].decode("utf-8", "surrogateescape")
    count = text.count(replacement.old) if replacement.old else 0
    if count != 1:
        raise InvalidCall(
            f"the text to replace occurs {plural(count, 'time')} in {replacement.path}; it must occur exactly once"
        )
    return text.replace(replacement.old, replacement.new).encode("utf-8", "surrogateescape")


def describe_changes(old: Harness, new: Harness) -> str:
    """The changed values or files, in a few words."""
    paths = sorted(path for path in old.files.keys() | new.files.keys() if old.files.get(path) != new.files.get(path))
    values = [f"{name} {old.params.get(name)} → {value}" for name, value in new.params.items()]
    different = [
        text for text, name in zip(values, new.params, strict=True) if old.params.get(name) != new.params[name]
    ]
    return _join(different if paths == ["params.toml"] and different else paths)


def _join(words: Sequence[str], most: int = 6) -> str:
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more
