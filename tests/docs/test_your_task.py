"""docs/your-task.md: followed to the letter, in an empty folder."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from engine.authoring.templates import ABOUT
from tests.docs.commandline import DOCS, ROOT, sia

PAGE = DOCS / "your-task.md"
_COMMAND = re.compile(r"^\$ sia (.+)$", re.MULTILINE)


def test_the_page_leads_from_an_empty_folder_to_a_result(tmp_path: Path) -> None:
    commands = _COMMAND.findall(PAGE.read_text())
    assert [command.split()[0] for command in commands][-1] == "checkout"
    said = {}
    for command in commands:
        done = sia(tmp_path, *shlex.split(command))
        assert done.status == 0, f"sia {command}\n{done.output}{done.errors}"
        said[command.split()[0]] = done.output
    assert "accepted: +" in said["run"]
    assert "always" in said["test"]
    assert (tmp_path / "best" / "harness").is_dir()


def test_every_template_is_on_the_page() -> None:
    section = PAGE.read_text().partition("## Run it")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)) == ABOUT


def test_every_check_is_on_the_page() -> None:
    code = "".join(path.read_text() for path in (ROOT / "engine" / "authoring").glob("*.py"))
    made = set(re.findall(r'Finding\(\s*"([a-z ]+)"', code))
    section = PAGE.read_text().partition("| check | what it finds |")[2]
    assert made == set(re.findall(r"^\| `([a-z ]+)` \| ", section, re.MULTILINE))
