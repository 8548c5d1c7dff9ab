"""What the instances of a run's domain are about, where their data is at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.errors import SiaError
from engine.events import types as t
from engine.grading.client import Grader, GraderFailed
from engine.grading.reserve import RESERVE, Part
from engine.run.domain_session import changed, check_code, identity

_READ: tuple[Part, ...] = ("train", "val", RESERVE)
"""Never the test split: reading it is counted."""


async def inputs_of(task: t.DomainRef) -> dict[tuple[str, str], Any]:
    """The data of each instance by (split, id), without labels. Nothing is fetched, and no harness runs.

    Raises `SiaError` where the user does not trust the domain's code, or its code or data has changed or is missing.
    """
    folder, data = check_code(task), Path(task.data) if task.data else None
    grader = Grader(folder, data, reserve=task.counts.get(RESERVE, 0))
    try:
        digest, _, _ = await grader.describe()
        if identity(folder, digest) != task.digest:
            raise changed(task)
        return {(split, item.id): item.data for split in _READ for item in await grader.instances(split)}
    except GraderFailed as error:
        raise SiaError(f"the domain {task.name} cannot be opened: {error}", folder.remedy(data)) from None
    finally:
        await grader.close()
