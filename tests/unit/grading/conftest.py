"""Domains for tests of the grading process, and a grader that is closed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from engine.grading.client import Grader
from engine.grading.loader import Folder, find
from tests.story import TOY

T = TypeVar("T")

DOMAIN = """
import os, sys
from domains.contract import DataMissing, Grade, Instance, Summary
class D:
    def digest(self): return "1"
    def instances(self, split): return [Instance(split + "-1", 3, label="SECRET-" + split)]
    def grade(self, instance, answer): {grade}
    def summarise(self, split, graded): return Summary(macro=0.5)
    def baselines(self, train, on): return {{"b": [0], "slow": (0 for _ in on)}}
def load(data):
    {load}
    return D()
"""


@pytest.fixture
def toy() -> Folder:
    folder = find(str(TOY))
    return replace(folder, spec=replace(folder.spec, grade_wall_s=3.0))


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Folder]:
    """A domain with the given bodies of `grade` and `load`."""

    def make(grade: str = "return Grade(1.0)", load: str = "pass") -> Folder:
        spec = 'name = "d"\ntitle = "t"\nmetric = "m"\nminimum_effect = 0.1\ntrain_sample = 1\ngrade_wall_s = 5\n'
        (tmp_path / "domain.toml").write_text(spec)
        (tmp_path / "domain.py").write_text(DOMAIN.format(grade=grade, load=load))
        return find(str(tmp_path))

    return make


@contextlib.asynccontextmanager
async def opened(folder: Folder) -> AsyncIterator[Grader]:
    grader = Grader(folder)
    try:
        yield grader
    finally:
        await grader.close()


def use(folder: Folder, work: Callable[[Grader], Awaitable[T]]) -> T:
    """The result of `work` with a grader that is closed afterwards."""

    async def inside() -> T:
        async with opened(folder) as grader:
            return await work(grader)

    return asyncio.run(inside())
