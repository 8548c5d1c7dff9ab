"""Checks of settings that depend on nothing but the settings: numbers and names."""

from __future__ import annotations

import math
import re

from engine.errors import SiaError
from engine.events import types as t
from engine.events.readmodels import NEWEST

RESERVED = (NEWEST, "recorded")
"""Words that stand for a run wherever a command takes one."""
MAX_NAME = 64
MOST = 1_000_000
"""Generations of a run, and probes of an Improvement."""
MOST_PROPOSALS = 16
MOST_WORKERS = 4096
LEAST_TOKENS, MOST_TOKENS = 4000, 10_000_000
"""Tokens of an agent's conversation: with fewer it reads next to nothing."""
MOST_MINUTES = 1440


def check_numbers(settings: t.Settings) -> None:
    """Raises `SiaError` for numbers that are out of range."""
    if not 1 <= settings.generations <= MOST:
        raise SiaError(
            f"a run has 1 to {MOST} generations, not {settings.generations}", f"pass --generations 1 to {MOST}"
        )
    if not 1 <= settings.probes <= MOST:
        raise SiaError(f"an Improvement has 1 to {MOST} probes, not {settings.probes}", f"pass --probes 1 to {MOST}")
    if not 1 <= settings.proposals <= MOST_PROPOSALS:
        raise SiaError(
            f"a candidate is chosen from 1 to {MOST_PROPOSALS} proposals, not {settings.proposals}",
            f"pass --proposals 1 to {MOST_PROPOSALS}",
        )
    if not LEAST_TOKENS <= settings.agent_tokens <= MOST_TOKENS:
        raise SiaError(
            f"a conversation of an agent has {LEAST_TOKENS} to {MOST_TOKENS} tokens, not {settings.agent_tokens}",
            f"pass --agent-tokens {LEAST_TOKENS} to {MOST_TOKENS}",
        )
    if not 0 < settings.agent_minutes <= MOST_MINUTES:
        raise SiaError(
            f"an errand of a coding agent has up to {MOST_MINUTES} minutes, not {settings.agent_minutes:g}",
            f"pass --agent-minutes of more than 0 and up to {MOST_MINUTES}",
        )
    if not 0 <= settings.rotate <= MOST:
        raise SiaError(f"a val cannot last {settings.rotate} generations", f"pass --rotate 1 to {MOST}, or 0 for never")
    if not (0 < settings.gate.alpha < 1 and 0 < settings.gate.run_alpha < 1):
        raise SiaError("the gate's alpha and run_alpha lie between 0 and 1", "the defaults are 0.01 and 0.05")
    if settings.lever == "best-of-n" and not settings.model:
        raise SiaError("best-of-n asks a task model several times, and this run has none", "pass --model")
    for name in ("evaluations", "minutes", "usd", "tokens"):
        cap = getattr(settings.budget, name)
        if cap is not None and not (math.isfinite(cap) and cap > 0):
            raise SiaError(f"a budget of {cap:g} {name} is not a number greater than 0", "leave it out for no cap")


def check_workers(workers: int) -> None:
    """Raises `SiaError` for a number of workers that no machine bears."""
    if not 1 <= workers <= MOST_WORKERS:
        raise SiaError(f"{workers} workers are not 1 to {MOST_WORKERS}", "leave --workers out for one per core")


def check_name(name: str) -> None:
    """Raises `SiaError` where `name` cannot be given to a run: `check_form`, and no word that stands for one."""
    check_form(name)
    if name in RESERVED:
        raise SiaError(f"{name!r} is not a name for a run: it stands for one in every command", "choose another name")


def check_form(name: str, longest: int = MAX_NAME) -> None:
    """Raises `SiaError`, which says what is wrong, where `name` has not the form of a run's name.

    Names are part of git refs, which excludes a few: https://git-scm.com/docs/git-check-ref-format
    """
    if len(name) > longest:
        raise SiaError(f"a name of {len(name)} letters is too long for a run", f"use at most {longest}")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise SiaError(
            f"{name!r} is not a name for a run",
            "use small letters, digits, '.', '_' and '-', and begin with a letter or digit",
        )
    if ".." in name or name.endswith((".", ".lock")):
        raise SiaError(
            f"{name!r} is not a name for a run: git refuses it", "leave out '..', and '.' or '.lock' at its end"
        )


def shortened(name: str, room: int) -> str:
    """`name`, cut where `room` more letters would make it too long for a run."""
    return name if len(name) <= MAX_NAME - room else name[: MAX_NAME - room].rstrip("._-")
