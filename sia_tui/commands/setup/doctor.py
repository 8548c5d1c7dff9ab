"""doctor: what this machine offers, what it lacks, and the remedies."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sia_tui.cli.formats import plural
from sia_tui.cli.options import Shared, shared_options
from sia_tui.cli.output import print_json, say

if TYPE_CHECKING:
    from engine.run.workspace import Workspace
    from engine.sandbox import Isolation

_SQLITE_FIXED = (3, 51, 3)


@click.command("doctor")
@click.option("--measure", is_flag=True, help="Also measure the speed of the devices; takes seconds.")
@click.option("--deep", is_flag=True, help="Also attack the sandbox and check all of the workspace; takes a minute.")
@shared_options
def doctor(measure: bool, deep: bool, shared: Shared) -> None:
    """Check this machine: sandbox, SQLite, git, packages, devices.

    Example: sia doctor
    """
    from engine.sandbox import probe
    from sia_tui.cli.tables import table

    isolation = probe()
    rows = [*_sandbox(isolation), *_stores(), *_packages(), *_devices(measure), *_workspace(shared.workspace)]
    if deep:
        rows += [*_attacks(isolation), *_whole(shared.workspace)]
    if shared.as_json:
        print_json(rows)
    else:
        table(
            ["", "what", "state", "remedy"],
            [["ok" if r["ok"] else "!!", r["what"], r["how"], r["remedy"]] for r in rows],
        )
    if not all(row["ok"] for row in rows if row["needed"]):
        raise click.exceptions.Exit(1)


def _row(what: str, ok: bool, how: str, remedy: str = "", *, needed: bool = True) -> dict[str, Any]:
    return {"what": what, "ok": ok, "how": how, "remedy": "" if ok else remedy, "needed": needed}


def _sandbox(isolation: Isolation) -> list[dict[str, Any]]:
    rows = [_row("sandbox", isolation.level == "full", isolation.level, "see docs/security.md", needed=False)]
    rows[0]["needed"] = isolation.level == "none"
    return rows + [
        _row(f"  {check.name}", check.achieved, check.how, check.remedy, needed=False) for check in isolation.measures
    ]


def _attacks(isolation: Isolation) -> list[dict[str, Any]]:
    """What hostile harnesses reach, reported as each ends."""
    from engine.sandbox.selftest.deep_probe import deep_probe

    async def go() -> list[dict[str, Any]]:
        rows = []
        async for measure in deep_probe(isolation):
            say(f"attack: {measure.name}: {'held' if measure.achieved else 'NOT HELD'}")
            rows.append(_row(f"attack: {measure.name}", measure.achieved, measure.how, measure.remedy))
        return rows

    return asyncio.run(go()) if isolation.mode != "none" else []


def _whole(place: Workspace) -> list[dict[str, Any]]:
    """Whether all of the workspace is intact, and is written by its user alone."""
    from engine.queries.audit import verify

    if not place.path.exists():
        return []
    foreign = [path for path in (place.path, *place.path.rglob("*")) if _written_by_others(path)]
    rows = [
        _row(
            "files of the workspace",
            not foreign,
            f"{foreign[0]} is written by others too" if foreign else "written by you alone",
            f"chmod -R go-w {place.path}, and check who owns the files",
        )
    ]
    if place.log.exists():
        with contextlib.closing(place.reader()) as reader:
            found = verify(reader, place)
        rows.append(
            _row(
                "log",
                found.ok,
                plural(found.events, "event"),
                f"see `sia verify`: {plural(len(found.problems), 'problem')}",
            )
        )
    return rows


def _written_by_others(path: Path) -> bool:
    try:
        status = path.lstat()
    except FileNotFoundError:  # a file that a run has just removed
        return False
    return status.st_uid != os.geteuid() or bool(status.st_mode & 0o022 and not stat.S_ISLNK(status.st_mode))


def _stores() -> list[dict[str, Any]]:
    from engine.events.storage.connection import sqlite_version

    fixed = tuple(map(int, sqlite_version.split("."))) >= _SQLITE_FIXED
    rows = [
        _row(
            "SQLite",
            fixed,
            sqlite_version,
            "install pysqlite3: before 3.51.3 two writers can corrupt a WAL database",
            needed=False,
        )
    ]
    try:
        found = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True, timeout=10)
        rows.append(_row("git", True, found.stdout.strip().removeprefix("git version ")))
    except (OSError, subprocess.SubprocessError):
        rows.append(_row("git", False, "not found", "install git"))
    return rows


def _packages() -> list[dict[str, Any]]:
    """Finds packages that shadow ours: their names are common, and a foreign one earlier on the path breaks sia."""
    rows = []
    home = Path(__file__).resolve().parents[3]
    for name in ("engine", "domains", "harness_repo", "sia_tui"):
        found = importlib.util.find_spec(name)
        where = Path(found.origin).resolve().parents[1] if found and found.origin else None
        rows.append(
            _row(
                f"package {name}", where == home, str(where), f"another package shadows ours; leave the folder {where}"
            )
        )
    return rows


def _devices(measure: bool) -> list[dict[str, Any]]:
    from engine.compute import ceilings_cache, device_status, devices

    ceilings = ceilings_cache.measure() if measure else ceilings_cache.load()
    gpu = device_status.gpu(ceilings, devices.gpus(), bool(devices.nodes()), device_status.torch())
    return [
        _row(what, not found.remedy, found.how, found.remedy, needed=False)
        for what, found in (("processor", device_status.processor(ceilings)), ("GPU", gpu))
    ]


def _workspace(place: Workspace) -> list[dict[str, Any]]:
    from engine.errors import SiaError

    if not place.log.exists():
        return [_row("workspace", True, f"{place.path} (no runs yet)")]
    try:
        reader = place.reader()
        count = len(reader.runs())
        reader.close()
        return [_row("workspace", True, f"{place.path} ({plural(count, 'run')})")]
    except SiaError as error:
        return [_row("workspace", False, error.message, error.remedy)]
