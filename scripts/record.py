"""Makes the recorded run that comes with sia: a LawBench run, tested and exported without logs, as ./events.db.

Run from the repository's root: python scripts/record.py [--domain DOMAIN] [-o FILE]. It takes some minutes. To be made
anew only when the format of exports changes, since the recording is a result that the documentation quotes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MAX_BYTES = 5_000_000


SIA = """
from sia_tui.main import main
from engine.core import settings

settings.RESERVED = ()
main()
"""
"""`sia`, which here may call a run `recorded`; that name is reserved for this recording."""


def record(domain: str, generations: int, seed: int, target: Path) -> None:
    """Writes `target`, which must not exist; refuses a recording that is too large or names a place on this machine."""
    if target.exists():
        raise SystemExit(f"{target} is there already; remove it first")
    with tempfile.TemporaryDirectory() as folder:
        workspace, file = Path(folder) / "workspace", Path(folder) / "recorded.sia"
        numbers = ["--generations", str(generations), "--seed", str(seed)]
        _sia(workspace, "run", domain, *numbers, "--name", "recorded", "--headless")
        _sia(workspace, "test", "recorded")
        _sia(workspace, "export", "recorded", "-o", str(file))
        told = json.loads(_sia(workspace, "replay", "--file", str(file), "--verify", "--json"))
        lines = Path(folder) / "recorded.jsonl"
        _sia(workspace, "export", "recorded", "-o", str(lines))
        _check(file, told, lines.read_text())
        target.write_bytes(file.read_bytes())
    print(f"{target}: {target.stat().st_size / 1e6:.2f} MB, {told['events']} events")


def _check(file: Path, told: dict[str, Any], text: str) -> None:
    if not told["identical"]:
        raise SystemExit(f"the recording does not replay: {told}")
    if file.stat().st_size >= MAX_BYTES:
        raise SystemExit(f"the recording has {file.stat().st_size} bytes, more than {MAX_BYTES}")
    for place in {str(Path.home()), str(ROOT), tempfile.gettempdir(), sys.prefix}:
        if len(place) > 1 and f"{place}/" in text:
            raise SystemExit(f"the recording names {place}/, a place on this machine")


def _sia(workspace: Path, *arguments: str) -> str:
    words = [sys.executable, "-c", SIA, *arguments, "--workspace", str(workspace)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=workspace.parent, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"sia {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}")
    return done.stdout


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--domain", default="lawbench")
    parser.add_argument("--generations", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "events.db")
    chosen = parser.parse_args()
    record(chosen.domain, chosen.generations, chosen.seed, chosen.output.absolute())
