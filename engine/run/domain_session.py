"""A domain opened for a run: its data fetched, its identity checked, and the isolation to run harnesses in."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from domains.contract import Instance
from engine import trust
from engine.core.rotation import NEVER, Rotation
from engine.errors import SiaError
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.grading.fetch import NothingToFetch, fetch
from engine.grading.loader import Folder, built_in, find
from engine.grading.reserve import RESERVE
from engine.run.named_paths import code_of
from engine.sandbox import Isolation, probe
from engine.seeds import sample
from engine.user_path import expanded

Report = Callable[[str], None]
_MOVED = "if it has moved, name it anew: sia relink RUN DIR"


class DomainSession:
    """The instances that a run's steps learn from, read from the grading process once."""

    def __init__(self, grader: Grader) -> None:
        self._grader = grader
        self._train: list[Instance] | None = None

    async def train(self) -> list[Instance]:
        """The instances of `train` with their labels."""
        if self._train is None:
            self._train = await self._grader.instances("train")
        return self._train

    async def val(self, generation: int = 1, rotation: Rotation = NEVER) -> list[Instance]:
        """The instances of the `val` that the generation is judged on, without labels."""
        return await self._grader.instances("val", rotation.number(generation))

    async def reserve(self) -> list[Instance]:
        """The instances of the reserve, without labels: none, where the run has no reserve."""
        return await self._grader.instances("reserve")

    async def divided_train(self, settings: t.Settings, root_seed: int) -> tuple[list[Instance], list[Instance]]:
        """What a harness may learn from before an Execution, and the sample of `train` that it then answers."""
        return divide(await self.train(), settings, root_seed)


def divide(train: Sequence[Instance], settings: t.Settings, root_seed: int) -> tuple[list[Instance], list[Instance]]:
    """`train` without the sample that an Execution answers, and that sample."""
    held_out = set(sample((item.id for item in train), settings.train_sample, root_seed, "train sample"))
    return [item for item in train if item.id not in held_out], [item for item in train if item.id in held_out]


async def describe(
    folder: Folder, data: Path | None, report: Report, reserve: float = 0.0, *, rotate: bool = False
) -> tuple[str, dict[str, int], str]:
    """The digest over a domain's code and data, its counts and its title; fetches data that is missing.

    `reserve` is the share of `train` that is counted apart; to `rotate`, its fresh vals are counted, too.
    """
    grader = Grader(folder, data)
    try:
        try:
            digest, counts, title = await grader.describe(reserve, rotate=rotate)
        except SiaError as error:
            if data is not None and data.exists():
                raise
            await grader.close()
            try:
                await fetch(folder, data, report)
            except NothingToFetch:
                raise error from None
            digest, counts, title = await grader.describe(reserve, rotate=rotate)
    except GraderFailed as error:
        raise SiaError(f"the domain {folder.spec.name} cannot be opened: {error}", folder.remedy(data)) from None
    finally:
        await grader.close()
    if counts["val"] == 0 or counts["train"] == 0:
        raise SiaError(
            f"the domain {folder.spec.name} has an empty split ({counts})", "give it instances in train and val"
        )
    return identity(folder, digest), counts, title


def identity(folder: Folder, digest: str) -> str:
    """The digest over a domain's code and data; `digest` is that of its data."""
    return hashlib.sha256(f"{folder.code_digest()}\n{digest}".encode()).hexdigest()


def check_code(task: t.DomainRef) -> Folder:
    """The folder of `task`, none of whose code has run yet.

    Raises `Untrusted` where the user has not trusted it, and `SiaError` where its code has changed: a log from
    elsewhere cannot choose the code that runs here.
    """
    trust.check(None, code_of(task))
    if task.source not in built_in() and not expanded(task.source).exists():
        raise SiaError(f"the folder {task.source} of the domain {task.name} is not there", _MOVED)
    folder = find(task.source)
    if folder.code_digest() != task.code:
        raise changed(task)
    return folder


@contextlib.asynccontextmanager
async def open_domain(
    task: t.DomainRef, folder: Folder, report: Report, isolation: Isolation | None = None
) -> AsyncIterator[Grader]:
    """The grading process of `task` in the `folder` of `check_code`; raises `SiaError` where its data has changed."""
    data = Path(task.data) if task.data else None
    try:
        digest, _, _ = await describe(folder, data, report)
    except SiaError as error:
        if data is None or data.exists():
            raise
        raise SiaError(error.message, _MOVED.replace("DIR", "--data PATH")) from None
    if digest != task.digest:
        raise changed(task)
    grader = Grader(folder, data, isolation, report=report, reserve=task.counts.get(RESERVE, 0))
    try:
        yield grader
    finally:
        await grader.close()


def changed(task: t.DomainRef) -> SiaError:
    """The error for a domain whose code or data is not what the run started with."""
    return SiaError(
        f"the domain {task.name} has changed since this run started "
        "(its code, its data or, where answers are timed, the machine)",
        "restore it, or start a new run: scores of different tasks and machines cannot be compared",
    )


def choose_isolation(*, unsafe: bool) -> Isolation:
    """The isolation to run harnesses in; raises `SiaError` where there is none, unless it is `unsafe`."""
    isolation = Isolation.unsafe() if unsafe else probe()
    if isolation.level == "none" and not unsafe:
        raise SiaError(
            "no sandbox can be built here, and harnesses are code that nobody has reviewed",
            "see `sia doctor`, or accept the risk with --unsafe-no-sandbox",
        )
    return isolation
