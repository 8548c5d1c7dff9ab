"""Each task of a single developer has its tests, which the number in their names finds."""

from __future__ import annotations

import re
from pathlib import Path

TASKS = 25


def test_every_task_has_a_test() -> None:
    texts = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    numbers = {int(number) for text in texts for number in re.findall(r"def test_task_(\d\d)_", text)}
    assert numbers == set(range(1, TASKS + 1))
