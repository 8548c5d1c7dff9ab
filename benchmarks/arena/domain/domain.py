"""A task of the arena as a domain: the answer is the text of a program, which the arena's scorer grades.

Grading has no network, so the scorer is asked through a Unix socket; its path is in `socket.txt`.
"""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domains.contract import Grade, Graded, Instance, Split, Summary

HERE = Path(__file__).parent
COUNTS = {"train": 2, "val": 1, "test": 1}


class ProgramTask:
    """One score for a program, whatever the instance."""

    def digest(self) -> str:
        """That of the task's words."""
        return hashlib.sha256((HERE / "task.md").read_bytes()).hexdigest()

    def instances(self, split: Split) -> Sequence[Instance]:
        """One for the gate, and as many for agents as a domain needs."""
        return [Instance(f"{split}-{number + 1}", data="run the program") for number in range(COUNTS[split])]

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """The arena's score."""
        if not isinstance(answer, str):
            return Grade(score=0.0, detail="the answer is no text")
        with socket.socket(socket.AF_UNIX) as line:
            line.connect((HERE / "socket.txt").read_text())
            with line.makefile("rw") as words:
                words.write(json.dumps({"program": answer}) + "\n")
                words.flush()
                found = json.loads(words.readline())
        return Grade(score=found["score"], detail=found["error"])

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """No report beside the mean."""
        return Summary()

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Sequence[Any]]:
        """None: the first program is the baseline."""
        return {}


def load(data: Path | None) -> ProgramTask:
    """The task beside this file."""
    return ProgramTask()
