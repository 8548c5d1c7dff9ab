"""What the settings of a run may be, by themselves: numbers and names, whatever this machine has."""

from __future__ import annotations

import re

from engine.errors import SiaError
from engine.events import types as t


def check_numbers(settings: t.Settings) -> None:
    """Raises `SiaError` for numbers that no run can be played by."""
    if settings.generations < 1:
        raise SiaError("a run needs at least one generation", "pass --generations 1 or more")
    if settings.probes < 1:
        raise SiaError("an Improvement needs at least one probe", "pass --probes 1 or more")
    if not (0 < settings.gate.alpha < 1 and 0 < settings.gate.run_alpha < 1):
        raise SiaError("the gate's alpha and run_alpha lie between 0 and 1", "the defaults are 0.01 and 0.05")
    if settings.lever == "best-of-n" and not settings.model:
        raise SiaError("best-of-n asks a task model several times, and this run has none", "pass --model")
    caps = (settings.budget.evaluations, settings.budget.minutes, settings.budget.usd, settings.budget.tokens)
    if any(cap is not None and cap <= 0 for cap in caps):
        raise SiaError("a budget must be more than nothing", "leave it out for no cap")


def check_name(name: str) -> None:
    """Raises `SiaError` where `name` cannot name a run; git's rules for a ref are stricter than the characters say."""
    plain = re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name) is not None
    if not plain or ".." in name or name.endswith((".", ".lock")):
        raise SiaError(f"{name!r} is not a name for a run", "use small letters, digits, '.', '_' and '-'")
