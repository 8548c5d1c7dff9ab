"""Why something came to nothing, in the sandbox, in the log and on the screen."""

from __future__ import annotations

from typing import Literal

import msgspec

FailureKind = Literal["candidate", "timeout", "resource", "verifier", "model", "infrastructure"]


class Failure(msgspec.Struct, frozen=True):
    """Why something came to nothing: whose fault it was, and one line."""

    kind: FailureKind
    message: str
