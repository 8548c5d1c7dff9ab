"""Whole runs of denoising through the command line: simulated counts, real ones, and the promise of the search."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domains.denoising.magic_client import version
from tests.story import sia
from tests.unit.domains.denoising.counting import ABSENT, DATA, NO_MAGIC, PANCREAS, params, small

DROPSEQ = DATA / "mixology_sc_dropseq.npz"


def run(workspace: Path, *arguments: str) -> str:
    done = subprocess.run(sia(workspace, *arguments), capture_output=True, text=True, timeout=2000, check=False)
    assert done.returncode == 0, done
    return done.stdout


def told(workspace: Path, *arguments: str) -> Any:
    return json.loads(run(workspace, *arguments, "--json"))


def saved(folder: Path) -> Path:
    counts = small(cells=72, genes=200)
    path = folder / "simulated.npz"
    matrix = counts.matrix
    parts = {"data": matrix.data, "indices": matrix.indices, "indptr": matrix.indptr, "shape": matrix.shape}
    np.savez(path, **parts, cells=np.array(counts.cells), donor=np.array(counts.donors))
    return path


@pytest.mark.timeout(280)
def test_a_generation_on_counts_of_ones_own_is_scored_twice(tmp_path: Path) -> None:
    run(tmp_path, "run", "denoising", "--data", str(saved(tmp_path)), "--generations", "1")
    facts = told(tmp_path, "show", "last")
    (first,) = facts["generations"]
    assert first["val"]["n"] == 10
    assert facts["title"] == "Denoising simulated, 72 cells"
    assert first["val"]["honest"] is not None
    assert first["val"]["honest_floor"] is not None
    assert not first["failures"]
    baselines = {row["name"]: row for row in facts["baselines"]}
    assert any("all zeros" in reason for reason in baselines["all zeros"]["refused"])
    assert baselines["perfect (the held-out counts)"]["score"] == pytest.approx(1, abs=0.01)
    assert told(tmp_path, "replay", "last", "--verify")["identical"]
    assert told(tmp_path, "trajectory", "last", "val-0-0")[0]["answer"]


def best(report: Any, name: str) -> Any:
    return next(row for row in report["baselines"] if row["name"] == name)


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.skipif(not PANCREAS.exists(), reason=ABSENT)
@pytest.mark.skipif(version() is None, reason=NO_MAGIC)
def test_the_search_ends_beyond_magic_on_cells_never_used_and_no_less_honest(tmp_path: Path) -> None:
    run(tmp_path, "run", "denoising", "--data", str(PANCREAS))
    facts = told(tmp_path, "show", "last")
    magic = best(facts, "MAGIC")
    assert facts["generations"][0]["val"]["score"] < magic["score"]
    assert facts["cost"]["seconds"] < 15 * 60
    report = told(tmp_path, "test", "last")
    assert report["score"] >= 1.4 * best(report, "MAGIC")["score"]
    assert report["honest"] >= best(report, "MAGIC")["honest"]
    assert report["private"]["passed"]
    assert report["honest_floor"] == pytest.approx(best(report, "MAGIC")["honest"], abs=1e-4)
    drawn = run(tmp_path, "show", "last", "--plots", str(tmp_path / "drawn"))
    assert drawn.count("plot:") == 5  # scores.svg and cost.svg, which every domain has, beside the pictures of answers
    assert told(tmp_path, "replay", "last", "--verify")["identical"]


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.skipif(not DROPSEQ.exists(), reason=ABSENT)
@pytest.mark.skipif(version() is None, reason=NO_MAGIC)
def test_the_same_harness_is_ahead_of_magic_on_counts_of_another_protocol(tmp_path: Path) -> None:
    script = tmp_path / "script.toml"
    chosen = params(method="sharpened blend")
    script.write_text(
        f"[[decision]]\nparams = {{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in chosen.items())} }}\n"
    )
    run(tmp_path, "run", "denoising", "--data", str(DROPSEQ), "--generations", "2", "--agent", f"script:{script}")
    facts = told(tmp_path, "show", "last")
    first, second = facts["generations"]
    magic = best(facts, "MAGIC")
    assert not second["failures"]
    assert second["val"]["score"] > magic["score"] > first["val"]["score"]
    assert second["val"]["honest"] > magic["honest"]
