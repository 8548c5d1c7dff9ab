"""docs/arena.md: its commands are those of the arena, and what it says of tasks and methods is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.arena import methods, tasks
from benchmarks.arena.__main__ import main

PAGE = (Path(__file__).parents[2] / "docs" / "arena.md").read_text()


def commands() -> list[list[str]]:
    """The words of each command on the page, after `python -m benchmarks.arena`."""
    return [line.split() for line in re.findall(r"^\$ python -m benchmarks\.arena ?(.*)$", PAGE, re.MULTILINE)]


def test_every_command_does_what_it_says_on_a_small_grid(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(commands()) >= 5
    for words in commands():
        out = words.index("--out") + 1 if "--out" in words else len(words)
        there = [*words[:out], *[str(tmp_path)] * (out < len(words)), *words[out + 1 :]]
        small = ["--tasks", "branin-2", "--methods", "random", "--seeds", "1", "--budget", "5"]
        assert main([*there, *small]) == 0
    said = capsys.readouterr().out
    assert "branin-2 random seed 1" in said
    assert (tmp_path / "report.md").is_file()


def test_every_method_and_the_count_and_date_of_the_tasks_are_on_the_page() -> None:
    assert re.findall(r"^\| `(\S+)` \|", PAGE, re.MULTILINE)[: len(methods.METHODS)] == [
        "ours", "optuna-tpe", "cma-es", "smac", "random", "ours-model", "ours-tuned", "independent", "sequential",
        "openevolve", "shinka", "gepa",
    ]  # fmt: skip
    assert tasks.DATED in PAGE
    boxes = [one for one in tasks.TASKS.values() if one.kind == "values" and one.group not in ("tuning", "programs")]
    assert f"{len(boxes)} functions" in PAGE
    for method in methods.METHODS.values():
        assert all(pin.partition("==")[2] in PAGE for pin in method.pins)
