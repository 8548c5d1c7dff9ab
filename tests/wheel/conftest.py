"""The wheel as a release would be, built without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its file, built once for all workers."""
    pytest.importorskip("hatchling", reason="needs the extra dev: make .venv/.dev")
    base = tmp_path_factory.getbasetemp()  # of this session; of this worker, where there are several
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wheel"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
            subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=200)
    (found,) = folder.glob("*.whl")
    return found
