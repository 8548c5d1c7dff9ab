"""The program in a prompt, whatever the prompt's form: the last text that is Python and defines the entry function."""

from __future__ import annotations

import ast
import itertools
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.arena.programs.program import ENTRY

_FENCE = re.compile(r"^[ \t]*(```+|~~~+)[\w+-]*[ \t]*$", re.MULTILINE)
_FIRST, _LAST = "# EVOLVE-BLOCK-START", "# EVOLVE-BLOCK-END"


def program(body: Mapping[str, Any]) -> str | None:
    """The program of a request; None where there is none. Later messages, and later texts of one, come first."""
    for text in reversed(texts(body)):
        for candidate in _candidates(text):
            if is_program(candidate):
                return candidate
    return None


def prompt(body: Mapping[str, Any]) -> str:
    """All that a request says."""
    return "\n\n".join(texts(body))


def texts(body: Mapping[str, Any]) -> list[str]:
    """The texts of the messages, in order; a content may be a text or a list of parts."""
    found: list[str] = []
    for message in body.get("messages", []):
        content = message.get("content") or ""
        parts: Sequence[Any] = [content] if isinstance(content, str) else content
        found += [part if isinstance(part, str) else str(part.get("text", "")) for part in parts]
    return found


def is_program(text: str) -> bool:
    """Whether `text` is Python that defines the entry function at its top."""
    if f"def {ENTRY}(" not in text:
        return False
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return any(isinstance(node, ast.FunctionDef) and node.name == ENTRY for node in tree.body)


def _candidates(text: str) -> Iterator[str]:
    """What may be the program: between neighbouring fences, between marks, or the whole; the last ones first."""
    fences = list(_FENCE.finditer(text))
    for first, last in reversed(list(itertools.pairwise(fences))):
        yield textwrap.dedent(text[first.end() + 1 : last.start()])
    end = text.rfind(_LAST)
    start = text.rfind(_FIRST, 0, end)
    if 0 <= start < end:
        line = text.rfind("\n", 0, start) + 1
        yield textwrap.dedent(text[line : end + len(_LAST)] + "\n")
    yield text
