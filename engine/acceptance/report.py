"""Runs the parts of an acceptance test, and reports their results in Markdown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from domains.contract import Device
from engine.errors import SiaError

Say = Callable[[str], None]


class Table(msgspec.Struct, frozen=True):
    """A table of text with a header row; `title` may be empty."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


class Skipped(Exception):
    """A part cannot run here, which is not a failure; the message says what is missing and how to get it."""


class Part(msgspec.Struct, frozen=True):
    """A part: its name, and the coroutine that runs it and returns its tables."""

    name: str
    work: Callable[[], Awaitable[Sequence[Table]]]


class PartResult(msgspec.Struct, frozen=True):
    """The result of a part; `trouble` is one sentence if it failed or was skipped."""

    name: str
    outcome: str
    seconds: float
    tables: Sequence[Table] = ()
    trouble: str = ""


async def run_parts(parts: Sequence[Part], say: Say, clock: Callable[[], float] = time.monotonic) -> list[PartResult]:
    """Runs the parts in order; after a failure the others still run."""
    found = []
    for part in parts:
        say(f"{part.name} ...")
        started = clock()
        try:
            done = PartResult(part.name, "passed", 0.0, await part.work())
        except Skipped as why:
            done = PartResult(part.name, "skipped", 0.0, trouble=str(why))
        except SiaError as error:
            done = PartResult(part.name, "failed", 0.0, trouble=str(error))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # any error belongs in the report
            done = PartResult(part.name, "failed", 0.0, trouble=f"{type(error).__name__}: {error}")
        done = msgspec.structs.replace(done, seconds=clock() - started)
        say(f"{part.name}: {done.outcome}" + (f" ({done.trouble})" if done.trouble else ""))
        found.append(done)
    return found


def markdown(device: Device, parts: Sequence[PartResult], *, date: str, version: str) -> str:
    """The report in Markdown."""
    lines = [
        f"# sia {version} on {device.name}, {date}",
        "",
        f"Driver {device.driver or 'unknown'}; {device.software}; {device.memory_gb:.0f} GB. Ceilings: "
        + ", ".join(f"{kind} {value / 1e3:.1f} TF/s" for kind, value in device.peaks.items())
        + f", {device.gbs:.0f} GB/s.",
        "",
        *_table(["part", "", "seconds"], [[one.name, one.outcome, f"{one.seconds:.1f}"] for one in parts]),
    ]
    for one in parts:
        lines += ["", f"## {one.name}: {one.outcome}", ""]
        lines += [one.trouble, ""] if one.trouble else []
        for table in one.tables:
            lines += [f"**{table.title}**", ""] if table.title else []
            lines += [*_table(table.head, table.rows), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in cells]
