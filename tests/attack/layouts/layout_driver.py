"""Run by the Python of a layout: probes, then lets a harness look for planted files. Prints one JSON object.

python layout_driver.py SECRET...
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from domains.contract import Limits
from engine.sandbox import Job, NoBroker, Program, probe, run_harness

LOOK = b"""
import ctypes, os, sqlite3, ssl, subprocess, sys, sysconfig, zoneinfo
import msgspec

SYSTEM = ("/proc", "/sys", "/dev", "/usr/bin", "/usr/include", "/usr/share", "/usr/lib")  # large, and the machine's own


def content(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError:
        return None


def solve(instance, ctx):
    read = [path for path in instance.data if content(path)]
    for folder, folders, files in os.walk("/"):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in SYSTEM]
        read += [f"{folder}/secret.csv"] if "secret.csv" in files and content(f"{folder}/secret.csv") else []
    child = subprocess.run([sys.executable, "-c", "import zlib; print(1)"], capture_output=True, text=True)
    works = [sysconfig.get_path("stdlib"), zoneinfo.ZoneInfo("Europe/Rome").key, child.stdout.strip()]
    return {"read": sorted(set(read)), "works": works}
"""


async def look(secrets: list[str]) -> dict[str, Any]:
    """The level, what a harness can read of `secrets`, and what it can do."""
    isolation = await asyncio.to_thread(probe)
    found = {"level": isolation.level, "mode": isolation.mode, "why": [one.how for one in isolation.measures]}
    if isolation.level == "none":
        return found
    program = Program({"agent.py": LOOK}, "agent.py", limits=Limits(wall_s=120, cpu_s=60))
    async for outcome in run_harness(
        program, [Job("k", "i", secrets, 0)], workers=1, broker=NoBroker(), isolation=isolation
    ):
        found |= {"failure": outcome.failure and outcome.failure.message, **(outcome.answer or {})}
    return found


if __name__ == "__main__":
    print(json.dumps(asyncio.run(look(sys.argv[1:]))))
