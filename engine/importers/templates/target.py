"""Runs the target agent beside this file, and hands in what it wrote into its working folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


def solve(instance: Any, ctx: Any) -> dict[str, dict[str, bytes]]:
    """The files of the working folder, by their relative paths."""
    name = json.loads((HERE / "answer.json").read_text())
    work = Path("work").absolute()
    work.mkdir()
    done = subprocess.run(
        [sys.executable, "-u", str(HERE / name), "--dataset_dir", ctx.folders["given"], "--working_dir", str(work)],
        cwd=work,
        env={**os.environ, "PYTHONPATH": ctx.folders.get("packages", "")},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        check=False,
    )
    print(done.stderr, end="")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise RuntimeError(said[-1] if said else f"the target agent ended with exit status {done.returncode}")
    files = [path for path in sorted(work.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {"files": {path.relative_to(work).as_posix(): path.read_bytes() for path in files}}
