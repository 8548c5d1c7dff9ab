"""A short conversation where there is little to read: a small harness, and few cases to learn from.

Then the opening tells it all: the files, and what the best candidate did. What sums up and searches many cases is not
offered, nor tries, since the check of a decision runs it on the same few cases. So prompt and tools are a third as
long, and the first reply can decide.
"""

from engine.agents.language.brief.opening import opening
from engine.agents.language.brief.terms import CHARACTERS, applies, offered, prompt

__all__ = ["CHARACTERS", "applies", "offered", "opening", "prompt"]
