"""Checks of settings that depend on nothing but the settings: kinds of values, numbers and names."""

from __future__ import annotations

import math
import re
import types
import typing
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec

from engine.errors import SiaError
from engine.events import types as t
from engine.events.readmodels import NEWEST
from engine.plain import plural

RESERVED = (NEWEST, "recorded")
"""Words that stand for a run wherever a command takes one."""
MAX_NAME = 64
MOST = 1_000_000
"""Generations of a run, and probes of an Improvement."""
MOST_PROPOSALS, MOST_TUNED = 16, 64
MOST_WORKERS = 4096
LEAST_TOKENS, MOST_TOKENS = 4000, 10_000_000
"""Tokens of an agent's conversation: with fewer it reads next to nothing."""
MOST_MINUTES = 1440


class Kind(NamedTuple):
    """`what` a value is, in words; `choices` where it is one of a few; `optional` where it may be left out."""

    what: str
    choices: tuple[str, ...] = ()
    optional: bool = False


_WHAT: dict[Any, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


@cache
def kinds() -> dict[str, Kind]:
    """The kinds by the names that `--set` takes."""
    found: dict[str, Kind] = {}
    for name, of in typing.get_type_hints(t.Settings).items():
        if isinstance(of, type) and issubclass(of, msgspec.Struct):
            found |= {f"{name}.{inner}": _kind(one) for inner, one in typing.get_type_hints(of).items()}
        else:
            found[name] = _kind(of)
    return found


def check_kind(key: str, value: object) -> None:
    """Raises `SiaError` where `value`, as JSON has it, is not of the kind of the setting `key`."""
    kind = kinds().get(key)
    if kind is None or (kind.optional and value is None):
        return
    fits = {
        "a whole number": isinstance(value, int) and not isinstance(value, bool),
        "a number": isinstance(value, int | float) and not isinstance(value, bool),
        "true or false": isinstance(value, bool),
    }.get(kind.what, True)
    if not fits or (kind.choices and value not in kind.choices):
        raise SiaError(f"the setting {key} must be {kind.what}", f"{value!r} is not")


def _kind(of: Any) -> Kind:
    arguments = typing.get_args(of)
    if typing.get_origin(of) is Literal:
        return Kind(f"{', '.join(arguments[:-1])} or {arguments[-1]}", arguments)
    if typing.get_origin(of) in (types.UnionType, typing.Union):
        (inner,) = [one for one in arguments if one is not types.NoneType]
        return _kind(inner)._replace(optional=True)
    return Kind(_WHAT.get(of, "a value"))


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
    if not 0 <= settings.tune <= MOST_TUNED:
        raise SiaError(
            f"the numbers of a proposal are tuned with 0 to {MOST_TUNED} probes, not {settings.tune}",
            f"pass --tune 1 to {MOST_TUNED}, or 0 for none",
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
        raise SiaError(
            f"a val cannot last {plural(settings.rotate, 'generation')}", f"pass --rotate 1 to {MOST}, or 0 for never"
        )
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
        raise SiaError(
            f"{plural(workers, 'worker')} are not 1 to {MOST_WORKERS}", "leave --workers out for one per core"
        )


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
        raise SiaError(f"a name of {plural(len(name), 'letter')} is too long for a run", f"use at most {longest}")
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
