"""What a sandbox achieves on this machine: plain data, recorded in `run.started` and shown to the person."""

from __future__ import annotations

from typing import Literal

import msgspec

Level = Literal["full", "partial", "none"]
Mode = Literal["real", "user", "mapped", "unsafe", "none"]


class Measure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One protection: whether it holds, by what means, and what a person can do where it does not."""

    name: str
    achieved: bool
    how: str
    remedy: str = ""


class Isolation(msgspec.Struct, frozen=True, omit_defaults=True):
    """The outcome of `probe`, and the permission to run: a sandbox is opened with what this says.

    `mode`: `real` (started by root, runs as uid 65534), `user` (an ordinary user's namespaces), `mapped` (root,
    called 65534 in a user namespace), `unsafe` (no sandbox, on demand), `none` (no sandbox can be had).
    """

    level: Level
    mode: Mode
    bwrap: str = ""
    version: str = ""
    cgroups: bool = False
    measures: tuple[Measure, ...] = ()

    @classmethod
    def unsafe(cls) -> Isolation:
        """No sandbox at all, on the user's own demand: `--unsafe-no-sandbox`."""
        return cls("none", "unsafe")

    def without_cgroups(self) -> Isolation:
        """The same with limits kept by rlimits and by looking, as on a machine without writable groups."""
        return msgspec.structs.replace(self, cgroups=False)

    def summary(self) -> str:
        """One line for the person."""
        if self.mode == "unsafe":
            return "no sandbox (--unsafe-no-sandbox)"
        missing = [measure.name for measure in self.measures if not measure.achieved]
        return f"{self.level}, {self.mode}" + (f"; lacking: {', '.join(missing)}" if missing else "")
