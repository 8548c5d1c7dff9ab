"""Faults put into the engine on purpose: each is one that sia once had, or nearly, and that a history must find."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any
from unittest import mock

from engine.events import tips
from engine.events.log import RunLog
from engine.models.calling import Caller, PaidReply, Position
from engine.run import git_refs, ledger
from engine.run.group_commit import GroupCommit
from engine.run.versions import Versions, harness_written
from engine.sandbox.session import Session
from engine.steps import execution
from harness_repo.objects import Version

Planted = Callable[[], Any]
"""Puts the fault in as long as a `with` block lasts."""


def _refs_before_the_commit() -> Any:
    def write(self: Versions, generation: int, version: Version, *, changed: str) -> None:
        self._repository.write(version)
        event, contents = harness_written(version, changed)
        before = git_refs.existing(self._repository)
        name = self._journal.state.name
        self._repository.update({f"refs/tags/{name}/g{version.number}": event.commit}, before)
        self._journal.append(generation, event, contents=contents)

    return mock.patch.object(Versions, "write", write)


def _an_error_after_the_commit_reaches_the_step() -> Any:
    def write_tip(self: RunLog) -> None:
        tips.write(self._tips, self.run, tips.Tip(self._n, self._hash))

    return mock.patch.object(RunLog, "_write_tip", write_tip)


def _a_failed_group_commit_is_forgotten() -> Any:
    class Both:
        def __init__(self) -> None:
            self._patches = [
                mock.patch.object(GroupCommit, "_check", lambda self: None),
                mock.patch.object(execution, "_check_complete", lambda *_: None),
            ]

        def __enter__(self) -> None:
            for one in self._patches:
                one.start()

        def __exit__(self, *_: object) -> None:
            for one in self._patches:
                one.stop()

    return Both()


def _replies_are_not_recorded_before_they_are_used() -> Any:
    keep = ledger.RunLedger.keep

    def later(self: ledger.RunLedger, at: Position, request: bytes, paid: PaidReply) -> None:
        waiting = self.__dict__.setdefault("_waiting", [])
        waiting.append((at, request, paid))
        if len(waiting) == 4:
            for one in waiting:
                keep(self, *one)
            waiting.clear()

    return mock.patch.object(ledger.RunLedger, "keep", later)


def _the_tip_is_written_before_the_disk_has_the_events() -> Any:
    append = RunLog.append

    def eager(self: RunLog, payloads: Sequence[Any], *, durable: bool = True, **others: Any) -> Any:
        events = append(self, payloads, durable=durable, **others)
        self._write_tip()
        return events

    return mock.patch.object(RunLog, "append", eager)


def _a_kill_from_outside_is_blamed_on_the_candidate() -> Any:
    solve = Session._solve

    async def hasty(self: Session, job: Any, *, alone: bool) -> Any:
        return await solve(self, job, alone=True)

    return mock.patch.object(Session, "_solve", hasty)


def _billed_replies_that_cannot_be_used_are_counted_nowhere() -> Any:
    return mock.patch.object(Caller, "_waste", lambda *_: None)


def _nobody_claims_a_call() -> Any:
    return mock.patch.object(ledger.RunLedger, "claim", lambda *_: contextlib.nullcontext())


PLANTED: dict[str, Planted] = {
    "refs before the commit": _refs_before_the_commit,
    "an error after the commit reaches the step": _an_error_after_the_commit_reaches_the_step,
    "a failed group commit is forgotten": _a_failed_group_commit_is_forgotten,
    "replies are not recorded before they are used": _replies_are_not_recorded_before_they_are_used,
    "the tip is ahead of the disk": _the_tip_is_written_before_the_disk_has_the_events,
    "a kill from outside is blamed on the candidate": _a_kill_from_outside_is_blamed_on_the_candidate,
    "nobody claims a call": _nobody_claims_a_call,
    "billed replies are counted nowhere": _billed_replies_that_cannot_be_used_are_counted_nowhere,
}
