"""Opening a domain for work: its data obtained, its identity checked, and a sandbox to run harnesses in."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from domains.contract import Instance
from engine.errors import SiaError
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.grading.fetch import fetch
from engine.grading.loader import Folder, find
from engine.sandbox import Isolation, probe

Report = Callable[[str], None]


class DomainSession:
    """What a run's steps learn from, asked of the grading process once."""

    def __init__(self, grader: Grader) -> None:
        self._grader = grader
        self._train: list[Instance] | None = None

    async def train(self) -> list[Instance]:
        """The instances of `train` with their labels."""
        if self._train is None:
            self._train = await self._grader.instances("train")
        return self._train


async def describe(folder: Folder, data: Path | None, report: Report) -> tuple[str, dict[str, int], str]:
    """The digest over a domain's code and data, its counts, its title; fetches missing data unless `data` is there."""
    grader = Grader(folder, data)
    try:
        try:
            digest, counts, title = await grader.describe()
        except SiaError:
            if data is not None and data.exists():
                raise
            await grader.close()
            await fetch(folder, data, report)
            digest, counts, title = await grader.describe()
    except GraderFailed as error:
        raise SiaError(f"the domain {folder.spec.name} cannot be opened: {error}", "correct its domain.py") from None
    finally:
        await grader.close()
    if counts["val"] == 0 or counts["train"] == 0:
        raise SiaError(
            f"the domain {folder.spec.name} has an empty split ({counts})", "give it instances in train and val"
        )
    return hashlib.sha256(f"{folder.code_digest()}\n{digest}".encode()).hexdigest(), counts, title


def same_code(task: t.DomainRef) -> Folder:
    """The folder of `task`, before any of its code is run: a log that came from elsewhere must not decide which code
    runs here. Raises `SiaError` where its code is no longer what it was."""
    folder = find(task.source)
    if folder.code_digest() != task.code:
        raise _changed(task)
    return folder


@contextlib.asynccontextmanager
async def same_domain(
    task: t.DomainRef, folder: Folder, report: Report, isolation: Isolation | None = None
) -> AsyncIterator[Grader]:
    """The grading process of `task` in `folder`, which `same_code` found, with its noise known; raises `SiaError` where
    its data is no longer what it was."""
    data = Path(task.data) if task.data else None
    if (await describe(folder, data, report))[0] != task.digest:
        raise _changed(task)
    grader = Grader(folder, data, isolation)
    try:
        yield grader
    finally:
        await grader.close()


def _changed(task: t.DomainRef) -> SiaError:
    return SiaError(
        f"the domain {task.name} is not what it was when this run began "
        "(its code, its data or, where answers are timed, the machine changed)",
        "put it back, or start a new run: scores of different tasks and machines do not mix",
    )


def contained(*, unsafe: bool) -> Isolation:
    """The isolation to run harnesses in; raises `SiaError` where there is none and `unsafe` does not permit that."""
    isolation = Isolation.unsafe() if unsafe else probe()
    if isolation.level == "none" and not unsafe:
        raise SiaError(
            "no sandbox can be built here, and a harness runs code that nobody has read",
            "see `sia doctor`, or accept the risk with --unsafe-no-sandbox",
        )
    return isolation
