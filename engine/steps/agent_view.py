"""A run's record for its agents, from the log and the domain's folder, without anything that agents may not read.

Only results and model calls of `train` are returned. Instance data comes from the grading process, which gives labels
of `train` and of no other split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from domains.contract import Instance
from engine.agents.run_record import Candidate, Exchange
from engine.events import types as t
from engine.events.storage import blobs
from engine.run.live_run import Run

_REFERENCE_BYTES = 1 << 20


class LiveRunRecord:
    """The `RunRecord` of a live run."""

    def __init__(self, run: Run, train: Sequence[Instance]) -> None:
        self._run = run
        self.train: Mapping[str, Instance] = {case.id: case for case in train}
        folder = run.ports.grader.folder.path
        self.task = (folder / "task.md").read_text() if (folder / "task.md").is_file() else run.state.domain.title
        self.references: Mapping[str, str] = {
            path.relative_to(folder / "references").as_posix(): path.read_text(errors="replace")
            for path in sorted((folder / "references").rglob("*"))
            if path.is_file() and path.stat().st_size <= _REFERENCE_BYTES
        }

    def candidates(self) -> Sequence[Candidate]:
        """As `RunRecord.candidates`."""
        versions = sorted(self._run.state.versions.items())
        numbers = {version.commit: n for n, version in reversed(versions)}  # a training keeps the commit
        return [
            replace(self._candidate(n, version), parent=numbers.get(version.parents[0]) if version.parents else None)
            for n, version in versions
        ]

    def _candidate(self, n: int, version: t.HarnessWritten) -> Candidate:
        """Since rules 5 with the Analysis before it."""
        state = self._run.state
        analysis = state.of(n - 1).analysis if 1 < n <= state.generation + 1 else None
        if analysis is None or state.rules < 5:
            return Candidate(n, version.reason, version.changed)
        return Candidate(n, version.reason, version.changed, analysis.findings, analysis.expected_of(version))

    def files(self, n: int) -> Mapping[str, bytes] | None:
        """As `RunRecord.files`."""
        version = self._run.state.versions.get(n)
        return None if version is None else self._run.versions.files(version)

    def declined(self) -> Sequence[Mapping[str, bytes]]:
        """As `RunRecord.declined`."""
        return [self._run.versions.files(version) for version in self._run.state.declined]

    def train_results(self, n: int) -> Sequence[t.InstanceFinished]:
        """As `RunRecord.train_results`."""
        if not 1 <= n <= len(self._run.state.generations):
            return []
        found = self._run.results.of(n, self._run.state.of(n).candidate)
        return [found[key] for key in sorted(key for key in found if key[0] == "train")]

    def log(self, result: t.InstanceFinished) -> str:
        """As `RunRecord.log`."""
        return self._text(result.log).decode("utf-8", "replace") if result.log else ""

    def events(self, n: int, instance: str | None) -> Sequence[int]:
        """As `RunRecord.events`."""
        if not 1 <= n <= len(self._run.state.generations):
            return []
        if instance is None:
            return self._run.effects.evidence(n)
        harness = self._run.state.of(n).candidate.harness
        events = self._run.log.reader.results_of(self._run.log.run, instance, generation=n)
        return [
            event.n
            for event in events
            if isinstance(one := event.payload, t.InstanceFinished) and (one.split, one.harness) == ("train", harness)
        ]

    def exchanges(self, n: int, result: t.InstanceFinished) -> Sequence[Exchange]:
        """As `RunRecord.exchanges`."""
        if result.split != "train":
            raise AssertionError("agents read trajectories of train only")
        place = f"train/{result.instance}/{result.repeat}"
        events = self._run.log.reader.calls_at(self._run.log.run, place, generation=n)
        calls = {
            call.ordinal: call
            for event in events
            if isinstance(call := event.payload, t.ModelCalled | t.ToolCalled) and call.harness == result.harness
        }
        return [self._exchange(call) for _, call in sorted(calls.items())]

    def _exchange(self, call: t.ModelCalled | t.ToolCalled) -> Exchange:
        if isinstance(call, t.ToolCalled):
            arguments, result = (self._text(name).decode("utf-8", "replace") for name in (call.arguments, call.result))
            return Exchange(f"[tool {call.name}] {arguments}", result)
        return Exchange(_request_text(self._text(call.request)), _reply_text(self._text(call.reply)))

    def _text(self, name: str) -> bytes:
        try:
            return self._run.log.reader.blob(name)
        except blobs.LeftOut:
            return b"(left out when this run was exported)"


def _request_text(stored: bytes) -> str:
    request = _json(stored)
    if "messages" not in request:
        return str(request.get("prompt", request))
    return "\n".join(f"[{turn['role']}] {turn.get('text', '')}" for turn in request["messages"])


def _reply_text(stored: bytes) -> str:
    reply = _json(stored)
    return str(reply.get("text", reply.get("logprobs", reply)))


def _json(stored: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(stored)
    except msgspec.DecodeError:
        return {"text": stored.decode("utf-8", "replace")}
    return found if isinstance(found, dict) else {}
