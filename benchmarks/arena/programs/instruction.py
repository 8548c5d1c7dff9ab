"""Wording an instruction from parts, for a toy reader that answers examples: what a prompt is to a language model.

An example needs some skills. The reader has a skill if the instruction names it, in words that this reader understands,
and if it is heard: the longer the instruction, the less of its later parts. Whether a part is heard in an example is
drawn by both alone, so that the same instruction always gets the same answers. The winner is judged on other examples.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence

from benchmarks.arena.programs.program import Entry
from benchmarks.arena.programs.start import task

_SEEN, _HIDDEN = range(80), range(1000, 1160)
_LONG = 160
"""An instruction of so many characters is heard half."""
_SKILLS: Mapping[str, Sequence[str]] = {
    "steps": ["step by step", "show your work"],
    "units": ["state the unit", "si units"],
    "rounding": ["two decimals", "round at the end"],
    "format": ["last line", "json"],
    "doubt": ["say so if", "unknown"],
    "check": ["check the result"],
}
_SHARES = {"steps": 0.6, "units": 0.35, "rounding": 0.3, "format": 0.45, "doubt": 0.15, "check": 0.25}
"""The share of examples that need a skill."""
_MISLED = {"json": "rounding", "unknown": "steps", "briefly": "steps", "expert": "doubt"}
"""Words that cost a skill in some examples."""

_START = '''
# EVOLVE-BLOCK-START
OPENING = "polite"  # one of: none, polite, expert, plain
METHOD = "briefly"  # one of: none, briefly, steps, work
UNITS = "none"  # one of: none, unit, si
FORMAT = "none"  # one of: none, line, json
DOUBT = "none"  # one of: none, honest, unknown
CHECK = 0
ROUNDING = 0
FIRST = 3

WORDS = {
    "polite": "Thank you very much for taking the time to look at this question for me.",
    "expert": "You are a world-class expert.",
    "plain": "Answer the question.",
    "briefly": "Answer briefly.",
    "steps": "Think step by step.",
    "work": "Show your work in full sentences, and leave nothing out.",
    "unit": "State the unit.",
    "si": "Convert to SI units where that is possible.",
    "line": "Give the answer on the last line.",
    "json": "Reply in JSON.",
    "honest": "Say so if it cannot be known.",
    "unknown": "Write unknown where you are not sure.",
}


def answer():
    """The instruction for the reader."""
    parts = [WORDS[name] for name in (OPENING, METHOD, UNITS, FORMAT, DOUBT) if name != "none"]
    parts += ["Check the result."] * (CHECK > 0) + ["Use two decimals."] * (ROUNDING > 0)
    first = FIRST % max(1, len(parts))
    return " ".join(parts[first:] + parts[:first])
# EVOLVE-BLOCK-END
'''


def score(entry: Entry, examples: Sequence[int] = _SEEN) -> float:
    """The share of examples that the reader answers right."""
    words = entry()
    if not isinstance(words, str):
        raise TypeError("the instruction is no text")
    return sum(_is_right(words.lower(), example) for example in examples) / len(examples)


def _is_right(words: str, example: int) -> bool:
    chance = random.Random(f"example {example}")
    needed = [skill for skill, share in _SHARES.items() if chance.random() < share]
    easy = chance.random() < 0.3
    return easy or all(_has(words, skill, example) for skill in needed)


def _has(words: str, skill: str, example: int) -> bool:
    places = [place for phrase in _SKILLS[skill] if (place := words.find(phrase)) >= 0]
    if not places:
        return False
    misled = any(lost == skill and word in words for word, lost in _MISLED.items())
    chance = random.Random(f"example {example} {skill}")
    heard = chance.random() < 1 / (1 + (min(places) / _LONG) ** 2)
    return heard and not (misled and chance.random() < 0.5)


TASKS = (
    task(
        "instruction",
        """Word an instruction for a reader that answers questions with numbers. The program defines answer(), which
        returns the instruction as a text, put together from parts. The reader follows what it is told in words that it
        understands, and hears less of what comes late in a long instruction. The score is the share of 80 questions
        that it then answers right; other questions are kept for the end.""",
        _START,
        score,
        functools.partial(score, examples=_HIDDEN),
        tolerance=0.005,
    ),
)
