"""The usage of a call of a language model, in tokens."""

from __future__ import annotations

import msgspec


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tokens of one call as the backend counts them. `input` excludes those of the prompt cache."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    @property
    def total(self) -> int:
        """All tokens of the call."""
        return self.input + self.output + self.cache_read + self.cache_write
