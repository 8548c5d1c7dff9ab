"""docs/your-task.md: followed to the letter, from the top to the bottom, in an empty folder."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from engine.domain_check.surface import FEATURES
from engine.domain_check.templates import ABOUT
from tests.docs.commandline import DOCS, ROOT, sia

PAGE = DOCS / "your-task.md"
_PART = re.compile(
    r"^\*\*`([^`\n]+)`\*\*\n\n```\w+\n(.*?)^```$|^\$ ([^\n]+)$|^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL
)


def follow(folder: Path, page: str) -> list[tuple[str, str]]:
    """Writes each file and calls each command of the page, in order; the commands with what they printed."""
    said: list[tuple[str, str]] = []
    for file, content, command, shown in _PART.findall(page):
        if file:
            (folder / file).write_text(content)
        elif shown:
            printed = said[-1][1]
            assert [line for line in shown.splitlines() if line not in printed.splitlines()] == [], printed
        else:
            said.append((command, called(folder, command)))
    return said


def called(folder: Path, command: str) -> str:
    """What a command prints; it must do what was asked."""
    program, *arguments = shlex.split(command)
    if program == "sia":
        done = sia(folder, *arguments)
        assert done.status == 0, f"{command}\n{done.output}{done.errors}"
        return done.output
    shell = command.replace("python ", f"{shlex.quote(sys.executable)} ", 1)
    told = subprocess.run(["sh", "-c", shell], cwd=folder, capture_output=True, text=True, check=False)
    assert told.returncode == 0, f"{command}\n{told.stdout}{told.stderr}"
    return told.stdout


@pytest.mark.slow
def test_the_page_leads_from_an_empty_folder_to_a_result(tmp_path: Path) -> None:
    said = follow(tmp_path, PAGE.read_text())
    printed = dict(said)
    assert len(said) == 11
    runs = [output for command, output in said if command.startswith("sia run")]
    assert all("accepted: +" in output for output in runs)
    assert "always" in printed["sia test last"]
    assert printed["sia apply last mine.jsonl"].strip() == "weight"
    assert '"weight"' in printed["python best/run.py --train best/train.jsonl mine.jsonl"]


def test_every_template_is_on_the_page() -> None:
    section = PAGE.read_text().partition("## Run it")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)) == ABOUT


def test_every_check_is_on_the_page() -> None:
    code = "".join(path.read_text() for path in (ROOT / "engine" / "domain_check").glob("*.py"))
    made = set(re.findall(r'Finding\(\s*"([a-z -]+)"', code))
    made |= {f"{seen} alone" for seen in (*FEATURES, "neighbour")}
    section = PAGE.read_text().partition("| check | what it finds |")[2]
    assert made == set(re.findall(r"^\| `([a-z -]+)` \| ", section, re.MULTILINE))
