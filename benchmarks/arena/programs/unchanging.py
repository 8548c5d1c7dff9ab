"""Tasks on which nothing can be gained: whoever accepts a change there accepts it without a reason.

In the first the model returns the program that it was given; in the second it changes a comment alone, so that the text
differs and what it does is the same; in the third it changes the program, and the score takes no notice.
"""

from __future__ import annotations

from benchmarks.arena.programs import packing
from benchmarks.arena.programs.program import Entry
from benchmarks.arena.programs.start import task

GROUP = "unchanging"


def score(entry: Entry) -> float:
    """The same for every program that runs."""
    entry()
    return 0.5


TASKS = (
    task("returned", packing.ABOUT, packing.START, packing.score, group=GROUP, mode="returns"),
    task("commented", packing.ABOUT, packing.START, packing.score, group=GROUP, mode="comments"),
    task("constant", "Every program that runs has the same score.", packing.START, score, group=GROUP),
)
