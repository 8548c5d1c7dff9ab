"""The origin of each setting: the engine's default, the domain, the start of the run, or a later event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

import msgspec

from engine.events import types as t
from engine.events.event import Event

ENGINE, DOMAIN, START = "the engine's default", "the domain", "given at the start"
OF_THE_DOMAIN = ("gate.minimum_effect", "noisy", "probe_fold", "repeats", "train_sample")
"""Settings from `domain.toml`, so that all runs on a domain measure the same."""


class Origin(msgspec.Struct, frozen=True):
    """A setting with its value; `event` is the number of the event that set it, None for a default."""

    key: str
    value: Any
    origin: str
    event: int | None = None


def flat(settings: t.Settings) -> dict[str, Any]:
    """The settings by the names that `--set` takes, in alphabetical order."""
    found: dict[str, Any] = {}
    for name, value in msgspec.to_builtins(settings, builtin_types=()).items():
        if name in ("gate", "budget"):
            struct = getattr(settings, name)
            found |= {f"{name}.{inner}": getattr(struct, inner) for inner in struct.__struct_fields__}
        else:
            found[name] = value
    return dict(sorted(found.items()))


def types() -> dict[str, Any]:
    """The type of each setting, by the names that `--set` takes."""
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(t.Settings).items():
        if name in ("gate", "budget"):
            found |= {f"{name}.{inner}": inside for inner, inside in get_type_hints(kind).items()}
        else:
            found[name] = kind
    return found


def defaults() -> list[Origin]:
    """The settings of a run that is started without options."""
    return [
        Origin(key, None, "each domain's domain.toml") if key in OF_THE_DOMAIN else Origin(key, value, ENGINE)
        for key, value in _usual().items()
    ]


def origins(history: Iterable[Event]) -> list[Origin]:
    """The settings of a run at the end of `history`, each with the event that set it.

    The log does not tell an option that was left out from one that repeats the default: both read as the default.
    """
    known: dict[str, Origin] = {}
    usual = _usual()
    for event in history:
        match event.payload:
            case t.RunStarted(settings=settings):
                for key, value in flat(settings).items():
                    origin = START if value != usual[key] else ENGINE
                    known[key] = Origin(key, value, DOMAIN if key in OF_THE_DOMAIN else origin, event.n)
            case t.RunForked(settings=t.Settings() as settings, name=name):
                _change(known, settings, f"changed at the fork {name}", event.n)
            case t.RunResumed(settings=t.Settings() as settings):
                _change(known, settings, "changed at a resume", event.n)
            case _:
                pass
    return list(known.values())


def _usual() -> dict[str, Any]:
    from domains.contract import Spec
    from engine.run.options import Options, settings_of

    nothing = Spec(name="", title="", metric="", minimum_effect=0.0, train_sample=0)
    return flat(settings_of(Options(domain=""), nothing))


def _change(known: dict[str, Origin], settings: t.Settings, origin: str, n: int) -> None:
    for key, value in flat(settings).items():
        if known[key].value != value:
            known[key] = Origin(key, value, origin, n)
