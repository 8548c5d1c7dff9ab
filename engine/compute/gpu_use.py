"""What others use of the GPU, as its driver counts it: sampled while nothing of ours runs there.

`nvidia-smi` reports the share of its last sampling period in which any kernel ran, whatever process or container it
belongs to. Where it is missing, or does not know (MIG), nobody is seen.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable

LIMIT = 0.05
PERIOD_S = 1.2
"""Longer than the driver's sampling period, so that the sample holds nothing of ours."""
QUERY_S = 20.0


def of_others(ask: Callable[[], str] | None = None, sleep: Callable[[float], None] = time.sleep) -> str:
    """What others use of the GPU right now; empty if that is not enough to change a timing."""
    sleep(PERIOD_S)
    share = _share((ask or _ask)())
    return f"others used {share:.0%} of the GPU" if share > LIMIT else ""


def _share(said: str) -> float:
    """Out of the first line of `nvidia-smi`'s answer, in percent; 0 for what is no number, as `[N/A]`."""
    first = said.strip().partition("\n")[0].strip()
    return int(first) / 100 if first.isdecimal() else 0.0


def _ask() -> str:
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES", "").partition(",")[0].strip() or "0"
    command = ["nvidia-smi", f"--id={chosen}", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=QUERY_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
