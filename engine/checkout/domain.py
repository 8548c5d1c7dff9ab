"""The domain of a run that is over, opened again to answer, draw or hand out what its candidate learns from."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from engine.evaluation import verifier_noise
from engine.events import types as t
from engine.grading.client import Grader
from engine.run.domain_session import Report, check_code, open_domain
from engine.sandbox import probe


@contextlib.asynccontextmanager
async def domain_of(task: t.DomainRef, report: Report) -> AsyncIterator[Grader]:
    """The grading process of `task`; raises `SiaError` where its code or data is no longer what it was."""
    folder = await verifier_noise.measure(check_code(task), probe(), report)  # known, unless the cache was emptied
    async with open_domain(task, folder, report) as grader:
        yield grader
