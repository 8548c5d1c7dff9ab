"""A short real job, and the result that it must have whatever the machine lacks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Call = Callable[[str], str]
"""Runs a line of shell in the folder of the job, asserts that it does what was asked, and gives what was printed."""

_PAUSED = """
sia run {task} --generations 4 --name second --plain > second.txt 2>&1 & engine=$!
until sia pause second > pause.txt 2>&1; do kill -0 $engine || {{ cat second.txt pause.txt; exit 1; }}; done
wait $engine
"""


def done(call: Call, task: Path, options: str = "") -> dict[str, Any]:
    """Runs `task`, looks at the run, checks it, pauses and resumes another; the decisions that it came to."""
    task_and_options = f"'{task}' {options}"
    assert "accepted: +" in call(f"sia run {task_and_options} --generations 2 --name first --plain")
    assert "first" in call("sia ls")
    assert "run.finished" in call("sia log first")
    assert "first.sia" in call("sia export first -o first.sia")
    shown = json.loads(call("sia show first --json"))
    assert call("sia diff first 1 2")
    assert "identical" in call("sia replay first --verify")
    call(_PAUSED.format(task=task_and_options))
    assert json.loads(call("sia show second --json"))["status"] == "paused"
    call(f"sia resume second --plain {options}")
    assert json.loads(call("sia show second --json"))["status"] == "finished"
    assert "identical" in call("sia replay second --verify")
    call("sia verify")
    return {name: shown[name] for name in ("status", "generations", "best")}
