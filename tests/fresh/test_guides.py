"""The commands with which each guide begins, in an empty folder and the environment that the README's commands make."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.fresh.machine import Machine
from tests.fresh.pages import Write, steps

pytestmark = [pytest.mark.fresh, pytest.mark.timeout(3600)]


class Guide(NamedTuple):
    """A page, how many of its commands are called, and what stands for the folders that its reader has."""

    page: str
    commands: int
    given: dict[str, str]
    whose: str
    """Who does it where the work is shared."""


GUIDES = [
    Guide("docs/your-task.md", 10, {}, "ordinary"),
    Guide("docs/from-openevolve.md", 3, {"function_minimization": "tests/toys/peers/openevolve"}, "ordinary"),
    Guide(
        "docs/weights.md", 4, {}, "`make test-train`"
    ),  # a quarter of an hour; those that follow compare the levers for an hour
    Guide("domains/denoising/README.md", 4, {}, "root"),  # those that follow are for data of the reader's own
]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.page)
def test_a_guide_begins_with_what_works(guide: Guide, installed: Machine, share: Callable[[str], None]) -> None:
    share(guide.whose)
    folder = installed.folder(guide.page.replace("/", "-"))
    for name, stands_for in guide.given.items():
        shutil.copytree(installed.clone / stands_for, folder / name)
    called = 0
    for step in steps((installed.clone / guide.page).read_text()):
        if isinstance(step, Write):
            _write(folder / step.file, step.content, installed)
            continue
        if called == guide.commands:
            break
        installed.run(step.command, folder, environment=installed.activated, wall_s=1500)
        called += 1
    assert called == guide.commands


def _write(path: Path, content: str, machine: Machine) -> None:
    path.write_text(content)
    machine.own(path)
