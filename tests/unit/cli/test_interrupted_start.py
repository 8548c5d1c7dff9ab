"""Ctrl+C while `sia` still imports what it needs: it ends, and says nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

SLOW = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(20)\n"


def test_it_ends_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text(SLOW)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "sia_tui", "ls"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[3]}"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")
