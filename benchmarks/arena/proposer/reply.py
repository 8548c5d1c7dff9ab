"""A reply, and the forms of text in which prompts ask for a program: whole in a fence, or as differences."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple


class Call(NamedTuple):
    """A call of a tool."""

    name: str
    arguments: Mapping[str, Any]


class Reply(NamedTuple):
    """What the model says: a text, and calls of tools."""

    text: str
    calls: Sequence[Call] = ()

    @property
    def length(self) -> int:
        """Characters of the text and of the calls."""
        return len(self.text) + sum(len(call.name) + len(json.dumps(call.arguments)) for call in self.calls)


def as_text(prompt: str, before: str, after: str) -> Reply:
    """`after` in the form that `prompt` asks for, with the tags that it names."""
    head = "<NAME>\nmutation\n</NAME>\n<DESCRIPTION>\nOther values.\n</DESCRIPTION>\n" if "<NAME>" in prompt else ""
    if "<<<<<<< SEARCH" in prompt:
        blocks = "\n\n".join(differences(before, after))
        return Reply(head + (f"<DIFF>\n{blocks}\n</DIFF>\n" if "<DIFF>" in prompt else blocks))
    fenced = f"```{'python' if '```python' in prompt else ''}\n{after.rstrip()}\n```"
    return Reply(head + (f"<CODE>\n{fenced}\n</CODE>\n" if "<CODE>" in prompt else fenced))


def differences(before: str, after: str) -> list[str]:
    """SEARCH/REPLACE blocks whose search text occurs once; one that changes nothing where the texts are equal."""
    return [f"<<<<<<< SEARCH\n{old}\n=======\n{new}\n>>>>>>> REPLACE" for old, new in replacements(before, after)]


def replacements(before: str, after: str) -> list[tuple[str, str]]:
    """Lines that occur once in `before`, and what takes their place; the first line where the texts are equal."""
    old, new = before.splitlines(), after.splitlines()
    found: list[tuple[str, str]] = []
    for what, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        above, below = 0, 0
        while (a - above == b + below or _often(before, old[a - above : b + below])) and (
            a > above or b + below < len(old)
        ):
            above, below = min(a, above + 1), min(len(old) - b, below + 1)
        found.append(
            ("\n".join(old[a - above : b + below]), "\n".join([*old[a - above : a], *new[c:d], *old[b : b + below]]))
        )
    line = next((line for line in old if line.strip() and before.count(line) == 1), before)
    return found or [(line, line)]


def _often(text: str, lines: Sequence[str]) -> bool:
    return text.count("\n".join(lines)) != 1
