"""A long run that is killed now and then ends whole. `SIA_LONG_RUN=2000` makes it longer than its usual length."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.core.replay import verify as replay
from engine.core.state import fold
from engine.events.reader import Reader
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from engine.transfer.rebuild import rebuild
from tests.playing import small
from tests.story import sia

GENERATIONS = int(os.environ.get("SIA_LONG_RUN", "270"))
"""Usually more than `FLAT` of harness_repo/notes.py: from there on, notes of git lie in folders."""
KILLS = 10


def start(workspace: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        sia(workspace, *arguments, "--headless"), stdout=subprocess.DEVNULL, stderr=sys.stderr, start_new_session=True
    )


def generation_in(log: Path) -> int:
    if not log.exists():
        return 0
    with contextlib.closing(Reader.open(log)) as reader:
        return max((run.generation for run in reader.runs()), default=0)


@pytest.mark.slow
@pytest.mark.timeout(GENERATIONS * 8)
def test_a_long_run_that_is_killed_now_and_then_ends_verified(tmp_path: Path) -> None:
    script, place = tmp_path / "script.toml", Workspace(tmp_path / "w")
    script.write_text("".join(f'[[decision]]\nfiles = {{"note.txt" = "{n}"}}\n' for n in range(GENERATIONS)))
    arguments = ["run", small(tmp_path / "toy"), "--agent", f"script:{script}", "--generations", str(GENERATIONS)]
    process = start(place.path, *arguments, "--seed", "5")
    try:
        for kill in range(1, KILLS + 1):
            while process.poll() is None and generation_in(place.log) < kill * GENERATIONS // (KILLS + 1):
                time.sleep(0.05)  # between two looks at a condition
            assert process.poll() is None, "the run has ended too early"
            process.kill()
            process.wait()
            process = start(place.path, "resume", "last")
        assert process.wait() == 0
    finally:
        process.kill()  # it has a session of its own, and would outlive an interrupted test
    with contextlib.closing(place.reader()) as reader:
        run = reader.runs()[-1].run
        state = fold(reader.history(run))
        assert (state.status, state.generation, len(state.versions)) == ("finished", GENERATIONS, GENERATIONS)
        assert audit(reader, place).problems == []
        assert replay(reader, run).identical
    refs = place.repository().refs()
    assert len(refs) == GENERATIONS + 2  # a branch, and the notes
    rebuild(place)
    assert place.repository().refs() == refs
