"""What two equal runs have in common: decisions, commits, answers and scores, without clocks and run ids."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

from engine.events import types as t
from engine.events.reader import Reader

TOY = Path(__file__).parent / "toys" / "times7"
SCALED = TOY.with_name("scaled")


def sia(workspace: Path, *arguments: str) -> list[str]:
    """The command line of `sia` on `workspace`."""
    return [sys.executable, "-m", "sia_tui", *arguments, "--workspace", str(workspace)]


def ran(workspace: Path, *arguments: str, timeout: float = 300) -> str:
    """What `sia` prints, which must succeed within so many seconds."""
    done = subprocess.run(sia(workspace, *arguments), capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, done
    return done.stdout


def written(folder: Path, *, domain: str, toml: str, agent: str, manifest: str, params: str) -> Path:
    """A domain of these files."""
    (folder / "harness").mkdir(parents=True)
    (folder / "domain.py").write_text(domain)
    (folder / "domain.toml").write_text(toml)
    (folder / "task.md").write_text("Score.")
    (folder / "harness" / "agent.py").write_text(agent)
    (folder / "harness" / "harness.toml").write_text(manifest)
    (folder / "harness" / "params.toml").write_text(params)
    return folder


def story(workspace: Path, reference: str = "last") -> list[Any]:
    """The run's decisions in order; instance results by their digest, probes by their items."""
    told: list[Any] = []
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for event in reader.history(reader.find(reference).run):
            match payload := event.payload:
                case t.HarnessWritten():
                    told.append(("harness", payload.number, payload.commit, payload.reason))
                case t.ExecutionFinished():
                    told.append(("execution", event.generation, payload.scores, payload.digest, payload.failures))
                case t.GateDecided():
                    told.append(("gate", event.generation, payload))
                case t.AnalysisFinished():
                    told.append(("analysis", payload.findings, payload.lever, payload.reason, payload.expected_gain))
                case t.ProbeFinished():
                    told.append(
                        (
                            "probe",
                            payload.generation,
                            payload.attempt,
                            payload.ordinal,
                            payload.params,
                            payload.score,
                            payload.items,
                        )
                    )
                case t.ImprovementFailed() | t.RunFinished():
                    told.append((payload.type, payload.reason))
                case t.BaselineMeasured():
                    told.append(("baseline", payload.scores))
    return told
