"""What a failure is, in the sandbox, in the log and on the screen."""

from __future__ import annotations

from typing import Literal

import msgspec

FailureKind = Literal["candidate", "timeout", "resource", "verifier", "model", "infrastructure"]


class Failure(msgspec.Struct, frozen=True):
    """A failure: its kind, which says whose fault it is, and one line of explanation."""

    kind: FailureKind
    message: str
