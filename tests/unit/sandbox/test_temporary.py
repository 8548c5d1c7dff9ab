"""Whatever a program leaves in a temporary folder, the folder is removed, and the next one is made."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from engine.sandbox import remove, temporary_folder

LEVELS = 3000


def nest(folder: Path) -> None:
    """Folders in folders, more than a process may have descriptors or calls within calls."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(LEVELS):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)


def test_a_deep_folder_is_removed(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    nest(tmp_path / "deep")
    remove(tmp_path / "deep")
    assert not (tmp_path / "deep").exists()


def test_what_a_killed_engine_has_left_does_not_stop_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    stale = tmp_path / "sia-bench-4194999-abc"
    stale.mkdir()
    nest(stale)
    made = temporary_folder("bench")
    assert list(tmp_path.iterdir()) == [made]
