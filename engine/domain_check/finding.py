"""The result of a check of a domain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

Status = Literal["pass", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """One sentence about a domain, with a remedy unless it is a pass, and the numbers in it by name."""

    check: str
    status: Status
    sentence: str
    remedy: str = ""
    measures: Mapping[str, float] = {}
