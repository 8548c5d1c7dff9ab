"""Which blobs the events of a run name in their payloads."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.events.reader import Reader

_NAME = re.compile(r"(sha256:)?[0-9a-f]{64}")
"""How a payload names a blob; answers bear the prefix."""


def named_blobs(reader: Reader, run: str, fields: Sequence[str], *, after: int, until: int) -> set[str]:
    """What `fields` of the events with `after < n <= until` name, as the payloads write it. It may not be stored."""
    found: set[str] = set()
    for part, last in reader.segments(run, until):
        for field in fields:
            rows = reader.rows(
                f"""SELECT DISTINCT json_extract(CAST(payload AS TEXT), '$.{field}') FROM events
                    WHERE run = ? AND n > ? AND n <= ? AND instr(payload, CAST('"{field}":"' AS BLOB)) > 0""",  # noqa: S608
                (part, after, last if last is not None else until),
            )
            found |= {name for (name,) in rows if isinstance(name, str) and _NAME.fullmatch(name)}
    return found
