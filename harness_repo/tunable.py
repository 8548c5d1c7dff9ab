"""Tunables: the parameters of a harness that a search may vary, and their allowed values."""

from __future__ import annotations

from typing import Literal

import msgspec

Value = bool | int | float | str


class Tunable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parameter that a search may vary.

    `choice` lists its values in `choices`; `int` and `float` range over [low, high], `log` on a logarithmic scale.
    `structural` marks a choice of method rather than of degree. `when` names the values of other tunables for which
    this one has an effect.
    """

    type: Literal["choice", "int", "float"]
    choices: list[Value] = []
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    structural: bool = False
    when: dict[str, list[Value]] = {}

    def admits(self, value: Value) -> bool:
        """Whether `value` is among the declared values."""
        if self.type == "choice":
            return any(value == choice and type(value) is type(choice) for choice in self.choices)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (self.type == "float" or isinstance(value, int)) and self.low <= value <= self.high
