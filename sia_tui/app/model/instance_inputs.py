"""The inputs of instances, by the digest of their domain: read once, on another thread, when a page first asks.

An app may show runs of many domains; what was read is the same for all of them that have the same digest.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from engine.errors import SiaError
from engine.events import types as t


class Inputs(NamedTuple):
    """The data of instances by (split, id), or why it is missing."""

    data: Mapping[tuple[str, str], Any] = {}
    missing: str = ""

    def text(self, split: str, name: str) -> str:
        """The input of an instance as text; empty where it is not known. A fresh `val` is of the reserve."""
        from engine.grading.reserve import RESERVE

        for part in (split, *((RESERVE,) if split == "val" else ())):
            if (part, name) in self.data:
                data = self.data[part, name]
                return data if isinstance(data, str) else msgspec.json.encode(data).decode()
        return ""


READING = Inputs(missing="being read ...")
_read: dict[str, Inputs] = {}


def known(task: t.DomainRef) -> Inputs | None:
    """What is known of the inputs of a domain; None where nobody has asked for them."""
    return _read.get(task.digest)


def ask(task: t.DomainRef, report: Callable[[], object]) -> None:
    """Begins to read the inputs, unless that was asked before; calls `report` on the other thread when they are there.

    The thread does not keep the app from ending: the process that reads ends with it.
    """
    if task.digest not in _read:
        _read[task.digest] = READING
        threading.Thread(target=_run, args=(task, report), daemon=True, name="inputs").start()


def _run(task: t.DomainRef, report: Callable[[], object]) -> None:
    from engine.checkout.inputs import inputs_of

    try:
        _read[task.digest] = Inputs(asyncio.run(inputs_of(task)))
    except SiaError as error:
        _read[task.digest] = Inputs(missing=f"not at hand: {error.message}")
    except (OSError, ValueError) as error:  # of a domain's files or of what it returns
        _read[task.digest] = Inputs(missing=f"not at hand: {error}")
    report()
