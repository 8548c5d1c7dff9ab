"""Opening a domain for work: its data obtained, its identity checked, and a sandbox to run harnesses in."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from engine.errors import SiaError
from engine.evaluation import verifier_noise
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import Folder, find
from engine.sandbox import Isolation, probe

Report = Callable[[str], None]


async def describe(folder: Folder, data: Path | None, report: Report) -> tuple[str, dict[str, int], str]:
    """The digest over a domain's code and data, its counts, its title; fetches missing data unless `data` is there."""
    grader = Grader(folder, data)
    try:
        try:
            digest, counts, title = await grader.describe()
        except SiaError:
            if data is not None and data.exists():
                raise
            # a domain that fetches by name says itself what it does
            await grader.fetch(report, f"fetching the data of {folder.spec.name}" if data is None else "")
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


@contextlib.asynccontextmanager
async def same_domain(task: t.DomainRef, report: Report, isolation: Isolation | None = None) -> AsyncIterator[Grader]:
    """The grading process of `task`; raises `SiaError` where its code or data is no longer what it was."""
    folder = find(task.source)
    data = Path(task.data) if task.data else None
    # its code first: a log that came from elsewhere must not decide which code is run here
    same = folder.code_digest() == task.code
    if same:
        folder = await verifier_noise.measured(
            folder, isolation or probe(), report
        )  # known, unless the cache was emptied
        same = (await describe(folder, data, report))[0] == task.digest
    if not same:
        raise SiaError(
            f"the domain {task.name} is not what it was when this run began "
            "(its code, its data or, where answers are timed, the machine changed)",
            "put it back, or start a new run: scores of different tasks and machines do not mix",
        )
    grader = Grader(folder, data, isolation)
    try:
        yield grader
    finally:
        await grader.close()


def contained(*, unsafe: bool) -> Isolation:
    """The isolation to run harnesses in; raises `SiaError` where there is none and `unsafe` does not permit that."""
    isolation = Isolation.unsafe() if unsafe else probe()
    if isolation.level == "none" and not unsafe:
        raise SiaError(
            "no sandbox can be built here, and a harness runs code that nobody has read",
            "see `sia doctor`, or accept the risk with --unsafe-no-sandbox",
        )
    return isolation
