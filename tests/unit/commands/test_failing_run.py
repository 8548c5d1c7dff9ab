"""A program that fails: the lines of the run and its report say why."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.story import TOY, ran


def test_why_answers_fail_is_said_by_the_run_and_by_show(tmp_path: Path) -> None:
    broken = shutil.copytree(TOY, tmp_path / "broken")
    with (broken / "harness" / "agent.py").open("a") as file:
        file.write("\nraise RuntimeError('no such\\nmodel file')\n")
    why = "generation 1: the first that failed: RuntimeError: no such model file"
    said = ran(tmp_path / "w", "run", str(broken), "--generations", "1", "--headless")
    assert said.count(why) == 1
    assert ran(tmp_path / "w", "show", "last").count(why) == 1
