"""Notes: git reads them, however many; they depend on the texts alone; a new text makes few new objects."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from harness_repo.notes import FLAT, Notes
from harness_repo.objects import Version
from harness_repo.repository import Repository

REF = "refs/notes/commits"


def texts(count: int) -> dict[str, str]:
    return {hashlib.sha1(b"%d" % n, usedforsecurity=False).hexdigest(): f"text {n}\n" for n in range(count)}


@pytest.mark.parametrize("count", [1, FLAT, FLAT + 1])
def test_notes_given_one_by_one_are_those_given_at_once_and_git_reads_them(tmp_path: Path, count: int) -> None:
    repository, grown, told = Repository(tmp_path / "r"), Notes(), texts(count)
    about = repository.write(Version({"a": b"x"}, [], 1, None, "seed", "r")).commit
    told[about] = told.pop(next(iter(told)))
    for commit, text in told.items():
        written = grown.change({commit: text})
        repository.store(written.objects)
    assert written.commit == Notes().change(dict(reversed(told.items()))).commit
    repository.update({REF: written.commit}, {})
    git = ["git", f"--git-dir={repository.path}"]
    assert subprocess.check_output([*git, "notes", "show", about], text=True) == told[about]
    listed = subprocess.check_output([*git, "notes", "list"], text=True).split()
    assert sorted(listed[1::2]) == sorted(told)
    assert subprocess.run([*git, "fsck", "--strict"], check=False, capture_output=True).returncode == 0


def test_one_more_note_among_many_makes_few_and_small_objects() -> None:
    grown, told = Notes(), texts(4 * FLAT)
    grown.change(told)
    made = grown.change({"f" * 40: "one more\n"})
    assert len(made.objects) == 4
    assert sum(len(item.data) for item in made.objects) < 10_000
