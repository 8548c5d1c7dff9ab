"""What a client has left is read within bounds, and nothing of the machine through a link."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.agents.protocol import Errand
from engine.sandbox import remove
from engine.steps.workbench.bench_folder import BenchFolder

AGENT = b"def solve(instance, ctx):\n    return 1\n"


@pytest.fixture
def folder(tmp_path: Path) -> BenchFolder:
    tree = {"TASK.md": lambda: b"the task", "train/cases.jsonl": lambda: b"1\n"}
    return BenchFolder(tmp_path / "desk", Errand("do it", tree, {"agent.py": AGENT}))


def test_what_lies_there_is_the_harness(folder: BenchFolder) -> None:
    (folder.path / "harness" / "more").mkdir()
    (folder.path / "harness" / "more" / "names.txt").write_text("a")
    for left_out in (".hidden", "__pycache__"):
        (folder.path / "harness" / left_out).mkdir()
        (folder.path / "harness" / left_out / "x").touch()
    assert folder.harness() == {"agent.py": AGENT, "more/names.txt": b"a"}
    assert folder.said() == []


def test_links_lead_nowhere(folder: BenchFolder) -> None:
    (folder.path / "harness" / "link.py").symlink_to("/etc/passwd")
    (folder.path / "harness" / "etc").symlink_to("/etc")
    assert folder.harness() == {"agent.py": AGENT}
    assert folder.said() == ["harness/etc, harness/link.py in its folder: links are left out"]


@pytest.mark.parametrize("to", ["/", "/usr", "nowhere", "harness"])
def test_a_link_in_the_place_of_the_harness_is_not_walked(folder: BenchFolder, to: str) -> None:
    (folder.path / "harness").rename(folder.path / "gone")
    (folder.path / "harness").symlink_to(to)
    assert folder.harness() == {}
    assert folder.said() == ["harness in its folder: links are left out"]


def test_names_that_no_log_holds_are_left_out(folder: BenchFolder) -> None:
    odd = os.fsencode(folder.path / "harness") + b"/\xff\xfe"
    Path(os.fsdecode(odd + b".py")).write_bytes(AGENT)
    Path(os.fsdecode(odd)).mkdir()
    Path(os.fsdecode(odd + b"/a.py")).write_bytes(AGENT)
    assert folder.harness() == {"agent.py": AGENT}
    (said,) = folder.said()
    assert said == "harness/??.py, harness/??/a.py in its folder: names that are not UTF-8 are left out"


def test_a_deep_tree_is_left_out_from_where_it_is_too_deep(folder: BenchFolder) -> None:
    here = os.open(folder.path / "harness", os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert folder.harness() == {"agent.py": AGENT}
    (said,) = folder.said()
    assert said.endswith("folders below 32 others are left out")
    remove(folder.path)  # pytest could not


def test_a_given_file_that_is_endless_now_is_said_to_have_changed(folder: BenchFolder) -> None:
    os.truncate(folder.path / "TASK.md", 200 << 30)
    os.truncate(folder.path / "NOTES.md", 200 << 30)
    (folder.path / "train" / "cases.jsonl").unlink()
    (folder.path / "train" / "cases.jsonl").symlink_to("/dev/zero")
    assert folder.said() == ["it has changed TASK.md, train/cases.jsonl, which was ignored"]
    assert len(folder.left(None).notes) == 1 << 16


@pytest.mark.parametrize("name", ["DECISION.json", "NOTES.md"])
@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_read_as_nothing(folder: BenchFolder, name: str, make: Callable[[Path], None]) -> None:
    (folder.path / name).unlink(missing_ok=True)
    make(folder.path / name)
    before = len(list(Path("/proc/self/fd").iterdir()))
    left = folder.left(None)
    assert (left.decision, left.notes) == (b"", "")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_key_that_the_client_was_given_is_in_nothing_that_it_leaves(
    folder: BenchFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-canary-4711-0815")
    for name in ("DECISION.json", "NOTES.md", "harness/agent.py"):
        (folder.path / name).write_bytes(b"\xff the key is sk-canary-4711-0815")
    left = folder.left(None)
    assert left.files == {"agent.py": b"\xff the key is [SOME_API_KEY]"}
    assert (left.decision, left.notes) == (left.files["agent.py"], "\ufffd the key is [SOME_API_KEY]")


def test_more_files_than_a_harness_may_have_are_a_few_too_many(folder: BenchFolder) -> None:
    for number in range(1200):
        (folder.path / "harness" / f"{number}.txt").touch()
    assert len(folder.harness()) == 1001
