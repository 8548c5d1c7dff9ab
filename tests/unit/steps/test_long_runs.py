"""What an Improvement costs does not grow with the versions and the probes that were made before it."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from engine.run.live_run import Ports, Run
from engine.run.versions import Versions
from engine.steps import probes
from engine.steps.agent_view import LiveRunRecord
from engine.steps.improvement import make_view
from harness_repo.harness import Harness
from tests.histories import Play, settings, started


def test_a_view_reads_only_versions_that_no_view_has_read(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=12))).to_rest()  # type: ignore[arg-type]
        run = Run(log, Ports(None, None, None, None, workers=1))  # type: ignore[arg-type]
        run.catch_up()
        read: list[int] = []
        harness = Versions.harness

        def count(self: Versions, version: t.HarnessWritten) -> Harness:
            read.append(version.number)
            return harness(self, version)

        monkeypatch.setattr(Versions, "harness", count)
        first = make_view(run, 12)
        assert len(read) == 12 + 1  # and the incumbent's files
        read.clear()
        assert make_view(run, 12) == first
        assert len(read) == 1


def test_the_candidates_are_listed_without_reading_their_files(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=4))).to_rest()  # type: ignore[arg-type]
        grader = SimpleNamespace(folder=SimpleNamespace(path=workspace))
        run = Run(log, Ports(grader, None, None, None, workers=1))  # type: ignore[arg-type]
        run.catch_up()
        record = LiveRunRecord(run, [])
        files = record.files(3)
        assert files and files["params.toml"] == b"skill = 2\n"
        assert record.files(5) is None
        monkeypatch.setattr(Versions, "files", None)
        assert [one.n for one in record.candidates()] == [1, 2, 3, 4]


def test_an_agent_sees_the_latest_probes_of_a_long_run(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log, started(settings(generations=12))).to_rest()  # type: ignore[arg-type]
        run = Run(log, Ports(None, None, None, None, workers=1))  # type: ignore[arg-type]
        run.catch_up()
        made = run.effects.probes
        assert list(make_view(run, 11).probes) == made[:20]
        monkeypatch.setattr(probes, "SEEN", 4)
        for generation in range(1, 12):
            seen, before = list(make_view(run, generation).probes), made[: 2 * (generation - 1)]
            assert min(4, len(before)) <= len(seen) < 6
            assert seen == before[len(before) - len(seen) :]


def test_probes_fall_away_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "SEEN", 8)
    first = [probes.recent(range(count))[0] for count in range(1, 31)]  # type: ignore[type-var]
    assert first == [0] * 11 + [4] * 4 + [8] * 4 + [12] * 4 + [16] * 4 + [20] * 3
