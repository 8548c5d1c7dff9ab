"""Checks of settings that depend on nothing but the settings: numbers and names."""

from __future__ import annotations

import re

from engine.errors import SiaError
from engine.events import types as t


def check_numbers(settings: t.Settings) -> None:
    """Raises `SiaError` for numbers that are out of range."""
    if settings.generations < 1:
        raise SiaError("a run needs at least one generation", "pass --generations 1 or more")
    if settings.probes < 1:
        raise SiaError("an Improvement needs at least one probe", "pass --probes 1 or more")
    if not (0 < settings.gate.alpha < 1 and 0 < settings.gate.run_alpha < 1):
        raise SiaError("the gate's alpha and run_alpha lie between 0 and 1", "the defaults are 0.01 and 0.05")
    if settings.lever == "best-of-n" and not settings.model:
        raise SiaError("best-of-n asks a task model several times, and this run has none", "pass --model")
    for name in ("evaluations", "minutes", "usd", "tokens"):
        cap = getattr(settings.budget, name)
        if cap is not None and not cap > 0:  # NaN compares false
            raise SiaError(f"a budget of {cap:g} {name} is not greater than 0", "leave it out for no cap")


MAX_NAME = 64


def check_name(name: str, longest: int = MAX_NAME) -> None:
    """Raises `SiaError` where `name` cannot name a run. Names are part of git refs, which excludes a few more."""
    if name == "last":
        raise SiaError("'last' is always the newest run", "choose another name")
    plain = re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name) is not None and len(name) <= longest
    if not plain or ".." in name or name.endswith((".", ".lock")):
        raise SiaError(f"{name!r} is not a name for a run", "use small letters, digits, '.', '_' and '-'")


def shortened(name: str, room: int) -> str:
    """`name`, cut where `room` more letters would make it too long for a run."""
    return name if len(name) <= MAX_NAME - room else name[: MAX_NAME - room].rstrip("._-")
