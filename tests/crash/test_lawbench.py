"""The main job on the real data: from a naive harness to beyond the linear baseline, killed three times on the way."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.crash.test_kill import start, wait_for
from tests.story import sia

GENERATIONS = 2
BEST_ON_VAL = 0.77
ON_THE_SEALED_TEST = 0.765


def call(workspace: Path, *arguments: str) -> Any:
    command = sia(workspace, *arguments, "--json")
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


@pytest.mark.slow
@pytest.mark.lawbench
@pytest.mark.timeout(2400)
def test_lawbench_improves_from_a_naive_harness(tmp_path: Path) -> None:
    call(tmp_path, "data", "get", "lawbench")
    process = start(tmp_path, "run", "lawbench", "--generations", str(GENERATIONS), "--seed", "1")
    for moment in (700, 1285, 2000):
        assert wait_for(process, tmp_path / "events.db", moment), "the run ended before it could be killed"
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = start(tmp_path, "resume", "last")
    assert process.wait(1800) == 0

    shown = call(tmp_path, "show", "last")
    assert shown["generations"][0]["val"]["score"] < 0.30
    assert shown["best"]["val"]["score"] >= BEST_ON_VAL
    tested = call(tmp_path, "test", "last")
    baseline = max(row["score"] for row in tested["baselines"])
    assert tested["score"] >= ON_THE_SEALED_TEST
    assert tested["score"] >= baseline - tested["se"]
    assert tested["n"] == 913
    assert call(tmp_path, "replay", "last", "--verify")["identical"]
    assert call(tmp_path, "verify")["ok"]
