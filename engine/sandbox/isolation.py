"""How well a sandbox isolates on this machine: plain data, recorded in `run.started` and shown to the user."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["full", "partial", "none"]
Mode = Literal["real", "user", "mapped", "unsafe", "none"]


class Measure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One protection: whether it holds, how it is achieved, and the remedy if it does not hold."""

    name: str
    achieved: bool
    how: str
    remedy: str = ""


class Isolation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The result of `probe`. A sandbox is opened with it.

    `mode`: `real` (started by root, runs as a uid of its own), `user` (an ordinary user's namespaces), `mapped` (root,
    called 65534 in a user namespace), `unsafe` (no sandbox, at the user's request), `none` (no sandbox is possible).
    """

    level: Level
    mode: Mode
    bwrap: str = ""
    version: str = ""
    cgroups: bool = False
    measures: tuple[Measure, ...] = ()

    @classmethod
    def unsafe(cls) -> Isolation:
        """No sandbox at all, at the user's request: `--unsafe-no-sandbox`."""
        return cls("none", "unsafe")

    def without_cgroups(self) -> Isolation:
        """The same without control groups: rlimits and polling keep the limits."""
        return msgspec.structs.replace(self, cgroups=False)

    def summary(self) -> str:
        """One line for the user."""
        if self.mode == "unsafe":
            return "no sandbox (--unsafe-no-sandbox)"
        missing = [measure.name for measure in self.measures if not measure.achieved]
        return f"{self.level}, {self.mode}" + (f"; lacking: {', '.join(missing)}" if missing else "")
