"""What a cell with a model has spent: proposals, tokens, evaluations, wasted calls; and the best so far by proposals.

A proposal is a completion: each reply of the model is one, whatever it is for. A token is four characters of what is
sent (the texts of all messages, and the definitions of tools) or replied (text, and calls of tools): the same rule for
every method and model. A call is wasted if no new program came of it: the proposals less the different programs, other
than the start, that were scored. A proposal is built on no gain where the program in its prompt is not the start, and
had not scored better than it by more than the task's tolerance.
"""

from __future__ import annotations

import math
import threading
from typing import NamedTuple

from benchmarks.arena.cell import Meter, Observed
from benchmarks.arena.task import Judge

CHARACTERS_PER_TOKEN = 4


class Scored(NamedTuple):
    """The score of a program, and why it has none; a failure scores what the task says."""

    score: float
    error: str = ""


def tokens(characters: int) -> int:
    """So many characters as tokens."""
    return math.ceil(characters / CHARACTERS_PER_TOKEN)


class Account(Meter):
    """A meter whose budget is proposals: `take` counts them, and programs are scored as often as a method wants.

    Several threads may use it. Improvements are by more than `tolerance`, at the number of proposals made by then.
    """

    def __init__(self, judge: Judge, start: str, budget: int, tolerance: float) -> None:
        self._judge, self._tolerance = judge, tolerance
        self._lock, self._known = threading.RLock(), dict[str, Scored]()
        self.proposals = self.refused = 0
        self._own = start.strip()
        super().__init__(lambda text: self.scored(text).score, start, budget)

    @property
    def at(self) -> int:
        """How many proposals were made."""
        return self.proposals

    def take(self) -> int | None:
        """The number of the next proposal, or None where none is left."""
        with self._lock:
            if self.left <= 0:
                self.refused += 1
                return None
            self.proposals += 1
            return self.proposals

    def give_back(self, why: str) -> None:
        """Counts a proposal less, since the model did not reply."""
        with self._lock:
            self.proposals -= 1
            self.unanswered = why

    def told(self, parent: str | None, sent: int, replied: int) -> None:
        """Counts a proposal on the program `parent`: characters that were sent, and replied."""
        with self._lock:
            self.unanswered = ""
            self.count("tokens in", tokens(sent))
            self.count("tokens out", tokens(replied))
            self.count("built on no gain", self._built_on_no_gain(parent))

    def scored(self, program: str) -> Scored:
        """The score of `program`; equal programs are run once."""
        key = program.strip()
        with self._lock:
            known = self._known.get(key)
        found = known or Scored(*self._judge(program))
        with self._lock:
            self._known[key] = found
        return found

    def evaluate(self, program: str) -> Scored:
        """Scores `program` and counts it."""
        found = self.scored(program)
        with self._lock:
            self.evaluations += 1
            if self.best is None or found.score > self.best.score + self._tolerance:
                self.best = Observed(program, found.score)
                self.course.append((self.at, found.score))
        return found

    def __call__(self, candidate: str) -> float:
        """The score of `candidate`, counted."""
        return self.evaluate(candidate).score

    def close(self) -> None:
        """Counts what is known at the end."""
        self.spent["proposals"] = self.proposals
        self.spent["wasted calls"] = max(0, self.proposals - len(set(self._known) - {self._own}))

    def _built_on_no_gain(self, parent: str | None) -> bool:
        if parent is None or parent.strip() == self._own:
            return False
        known = self._known.get(parent.strip())
        return known is not None and known.score <= self.start.score + self._tolerance
