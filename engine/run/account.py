"""The account of error of a lineage as this workspace knows it: what all runs that share a root have spent.

A verdict counts what other runs spent before it. That is recorded (`account.read`) before it is used, so that a run's
history alone gives the same verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from engine.core.account import Account
from engine.core.state import State
from engine.events import types as t
from engine.events.lineage import Lineage
from engine.events.reader import Reader

_NAME = re.compile(r"[0-9a-f]{16}")


class Outdated(Exception):
    """Another run of the lineage has spent something since the account was read."""


class LineageAccount:
    """The account of the lineage of `run`; the log is read as far as it is new."""

    def __init__(self, reader: Reader, run: str) -> None:
        self._lineage = Lineage(reader, run)
        self._spent: dict[str, float] = {}
        self._read: Mapping[str, int] = {}

    def _add(self, name: str, spent: float) -> None:
        if _NAME.fullmatch(name) and 0 <= spent <= 1:  # a log from elsewhere may say anything
            self._spent[name] = max(spent, self._spent.get(name, 0.0))

    def news(self, known: Account) -> dict[str, float]:
        """What the lineage has spent and `known` does not say, by the names of comparisons."""
        return known.lacks(self.read(self._lineage.heads()).spent)

    def read(self, heads: Mapping[str, int]) -> Account:
        """What the runs in `heads` say, up to these events, and what was read before."""
        for kind in (t.GateDecided, t.AccountRead):
            for event in self._lineage.of_type(kind.type, after=self._read, until=heads):
                match event.payload:
                    case t.GateDecided(comparison=name, spent=spent) if spent is not None:
                        self._add(name, spent)
                    case t.AccountRead(spent=others):
                        for name, spent in others.items():
                            self._add(name, spent)
                    case _:
                        pass
        self._read = heads
        return Account(self._spent)


def known(reader: Reader, state: State) -> Account:
    """The account of a run's lineage with all that the log holds of it, the latest verdicts of other runs included."""
    return state.account.with_spent(LineageAccount(reader, state.run).news(state.account))


def only_in(reader: Reader, run: str) -> dict[str, float]:
    """What `run` alone says that its lineage has spent: it would be forgotten with the run."""
    others = Lineage(reader, run).heads()
    own = {run: others.pop(run)}
    return LineageAccount(reader, run).read(others).lacks(LineageAccount(reader, run).read(own).spent)
