"""A short conversation where there is little to read: a small harness, and few cases to learn from.

Then the opening tells it all: the files, what the best candidate did, and what was tried before. There is one tool, the
decision, so that every reply is one: the check of a decision runs it on the same few cases. The files of another
candidate can be read where it is better on some case.
"""

from engine.agents.language.brief.decision import UPDATE, UpdateBriefly, tool
from engine.agents.language.brief.opening import opening
from engine.agents.language.brief.terms import CHARACTERS, applies, offered, prompt

__all__ = ["CHARACTERS", "UPDATE", "UpdateBriefly", "applies", "offered", "opening", "prompt", "tool"]
