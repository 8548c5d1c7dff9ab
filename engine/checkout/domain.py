"""Reopens the domain of a run, to answer inputs, to draw, or to export training data."""

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
    """The grading process of `task`; raises `SiaError` if its code or data has changed."""
    folder = await verifier_noise.measure(check_code(task), probe(), report)  # cached
    async with open_domain(task, folder, report) as grader:
        yield grader
