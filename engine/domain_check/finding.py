"""What a check of a domain came to."""

from __future__ import annotations

from typing import Literal

import msgspec

Status = Literal["pass", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """One sentence about a domain; where it is not a pass, the remedy."""

    check: str
    status: Status
    sentence: str
    remedy: str = ""
