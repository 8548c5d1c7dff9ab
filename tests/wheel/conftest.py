"""The wheel as a release would be, built without a network."""

from __future__ import annotations

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
    folder = tmp_path_factory.getbasetemp().parent / "wheel"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
            subprocess.run([*build, "--wheel-dir", str(folder), str(ROOT)], check=True, timeout=200)
    (found,) = folder.glob("*.whl")
    return found
