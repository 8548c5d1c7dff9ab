"""The files of an Improvement, and the tools that read them; what runs code over them is tried in `tests/attack`."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from engine.agents.language import desk, desk_tools
from engine.agents.protocol import ToolResult
from engine.agents.run_record import Candidate
from engine.models.protocol import ToolCall
from engine.steps.workbench import desk_folder
from tests.agent_tools import FakeRecord, FakeTools, view

PATHS = {
    "TASK.md", "CANDIDATES.md", "references/tables.md", "train/cases.jsonl",
    *(f"candidates/g{n}/{name}" for n in (1, 2) for name in ("ABOUT.md", "harness/agent.py", "harness/params.toml")),
    *(f"train/g{n}/{name}" for n in (1, 2) for name in ("SCORES.tsv", "train-0.0.txt", "train-3.0.txt")),
}  # fmt: skip


def read(path: str, record: FakeRecord | None = None) -> str:
    return desk.tree(record or FakeRecord(), view())[path]().decode()


def use(name: str, arguments: dict[str, Any], size: int = 4000, tools: FakeTools | None = None) -> ToolResult:
    tools = tools or FakeTools()
    known = {one.tool.name: one for one in desk_tools.of_tree(desk.tree(tools.record, view()), size, sandbox=True)}
    return asyncio.run(known[name].answer(tools, 1, ToolCall("c", name, arguments)))


def test_every_candidate_and_every_trajectory_of_train_is_a_file() -> None:
    assert set(desk.tree(FakeRecord(), view())) > PATHS
    assert read("candidates/g2/harness/params.toml") == 'method = "rule"\n\n'
    whole = read("train/g1/train-3.0.txt")
    for part in ("case train-3: 3", "label: 1", "candidate: ValueError: three", "log of train-3", "seven"):
        assert part in whole
    assert "train-3.0.txt\ttrain-3\t0\tcandidate: ValueError: three" in read("train/g1/SCORES.tsv")
    assert '{"id":"train-1","data":1,"label":7}' in read("train/cases.jsonl")
    assert "2: train 1.0000 (n = 4); rejected" in read("CANDIDATES.md")


def test_a_candidate_comes_with_what_was_found_expected_and_decided() -> None:
    class Found(FakeRecord):
        def candidates(self) -> list[Candidate]:
            return [Candidate(2, "use the rule", "method", "it guesses", 0.4)]

    about = read("candidates/g2/ABOUT.md", Found())
    for part in ("why: use the rule", "findings: it guesses", "val: +0.4", "verdict: rejected", "train: 1.0000"):
        assert part in about


def test_before_the_first_candidate_there_are_the_task_and_its_cases() -> None:
    assert set(desk.tree(FakeRecord())) == {"TASK.md", "references/tables.md", "train/cases.jsonl"}


def test_results_with_like_names_have_files_of_their_own() -> None:
    class Like(FakeRecord):
        train = dict.fromkeys(("a/b", "a_b", "A_B", "../../x"), FakeRecord.train["train-0"])

        def train_results(self, n: int) -> Any:
            return [
                replace(one, instance=name) for one, name in zip(super().train_results(n), self.train, strict=False)
            ]

    names = [path for path in desk.tree(Like(), view()) if path.startswith("train/g1/")]
    assert len({name.lower() for name in names}) == 5
    assert not [name for name in names if ".." in name.split("/") or name.count("/") != 2]


def test_files_are_listed_and_read_page_by_page() -> None:
    assert use("list_files", {"under": "train/g2/"}).text.splitlines()[0] == "train/g2/SCORES.tsv"
    assert "there are candidates/g1" in use("list_files", {"under": "val"}).text
    whole, offset = "", 0
    for _ in range(100):
        text = use("read_file", {"path": "references/tables.md", "offset": offset}, 100).text
        part, more, _ = text.partition("\n[")
        whole, offset = whole + part, offset + len(part)
        if not more:
            break
    assert whole == FakeRecord.references["tables.md"]
    for path in ("../../etc/passwd", "/etc/passwd", "train/g1", "val/cases.jsonl"):
        assert use("read_file", {"path": path}).failed


def test_python_is_offered_only_in_a_sandbox() -> None:
    names = [one.tool.name for one in desk_tools.of_tree(desk.tree(FakeRecord()), 100, sandbox=False)]
    assert names == ["list_files", "read_file"]
    tools = FakeTools()
    assert use("run_python", {"code": "1 + 1"}, tools=tools).text.endswith("files") and tools.ran == ["1 + 1"]
    assert use("run_python", {}, tools=tools).failed and len(tools.ran) == 1


def test_a_search_finds_lines_and_says_how_many(tmp_path: Path) -> None:
    desk_folder.lay(desk.tree(FakeRecord(), view()), tmp_path / "files")
    assert "train/g1/train-3.0.txt:3: train-3 candidate: ValueError: three" in found(
        tmp_path, "Value[A-Z]rror", "train/g1"
    )
    assert found(tmp_path, "zzz").strip() == "0 lines of 0 files match"
    many = found(tmp_path, "case|label|log|model|reply|score|train").splitlines()
    assert len(many) == 61 and many[-1].endswith("of which the first 60 are shown")
    assert "unterminated character set" in found(tmp_path, "[")


def found(folder: Path, pattern: str, under: str = "") -> str:
    """What the code of a search prints in the folder of the files."""
    tools = FakeTools()
    use("search_files", {"pattern": pattern, "under": under}, tools=tools)
    done = subprocess.run(
        [sys.executable, "-c", tools.ran[0]], cwd=folder / "files", capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr
