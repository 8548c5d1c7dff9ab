"""The difference between two sets of files, as git would write it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping


def unified(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> str:
    """The unified diff of all files that differ; a file that is no text is only named."""
    parts: list[str] = []
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before == after:
            continue
        parts.append(f"diff --git a/{path} b/{path}")
        try:
            left, right = ((side or b"").decode().splitlines() for side in (before, after))
        except UnicodeDecodeError:
            parts.append("Binary files differ")
            continue
        parts += difflib.unified_diff(left, right, f"a/{path}", f"b/{path}", lineterm="")
    return "\n".join(parts)
