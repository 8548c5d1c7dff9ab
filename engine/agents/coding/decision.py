"""DECISION.json: what a client has decided, checked against a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from engine.agents.language.edits import Cost, Evidence, Findings, Gain, Reason
from engine.agents.protocol import MOST_TUNED, InvalidCall
from engine.events import types as t

FILE, NOTES = "DECISION.json", "NOTES.md"
MOST_BYTES = 1 << 16


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A decision after an Analysis; `algorithm` and `hyper_parameters` are those of a training."""

    lever: t.Lever
    findings: Findings
    reason: Reason
    expected_gain: Gain
    evidence: Evidence = []
    algorithm: str = ""
    hyper_parameters: dict[str, float] = {}
    cost: Cost = ""
    tune: Annotated[int, Meta(ge=0, le=MOST_TUNED)] = 0


class FirstDecision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The decision with the first harness."""

    reason: Reason


class Try(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The arguments of `sia-try`; without cases, the harness is only run on a few."""

    why: Annotated[str, Meta(max_length=300)] = "does it help?"
    cases: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    instances: list[str] = []
    out_of_fold: bool = False

    @property
    def is_smoke(self) -> bool:
        """Whether it only asks whether the harness runs."""
        return not (self.cases or self.instances or self.out_of_fold)


def decided(content: bytes) -> Decision:
    """The decision in the file; raises `InvalidCall`, which says what is wrong."""
    found: Decision = _read(content, Decision)
    if found.lever == "weights" and not found.algorithm:
        raise InvalidCall(f'{FILE}: the lever "weights" needs an `algorithm`')
    if found.lever == "harness" and (found.algorithm or found.hyper_parameters):
        raise InvalidCall(f'{FILE}: `algorithm` and `hyper_parameters` belong to the lever "weights"')
    return found


def first_decided(content: bytes) -> FirstDecision:
    """As `decided`, with the first harness."""
    found: FirstDecision = _read(content, FirstDecision)
    return found


def tried(arguments: bytes) -> Try:
    """The arguments of a try; raises `InvalidCall`."""
    try:
        return msgspec.json.decode(arguments, type=Try)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidCall(f"sia-try: {error}") from None


def _read(content: bytes, kind: Any) -> Any:
    if not content:
        raise InvalidCall(f"there is no {FILE}, or it is empty: write your decision into it")
    if len(content) > MOST_BYTES:
        raise InvalidCall(f"{FILE} has {len(content):,} bytes; at most {MOST_BYTES:,} are read")
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidCall(f"{FILE}: {error}") from None


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file, by path."""
    from engine.events.storage import blobs

    return {path: blobs.digest(content) for path, content in sorted(files.items())}
