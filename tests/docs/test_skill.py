"""skills/sia: the skill has the form that coding agents read, and each command that it names does what it says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.docs.commandline import ROOT, contained, sia
from tests.docs.helptext import commands
from tests.docs.test_commands import examples

SKILL = ROOT / "skills" / "sia" / "SKILL.md"
_FRONT = re.compile(r"\A---\n(.*?)^---\n(.*)", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")


def parts() -> tuple[dict[str, str], str]:
    found = _FRONT.match(SKILL.read_text())
    assert found is not None
    return yaml.safe_load(found[1]), found[2]


def options() -> set[str]:
    """Every option of every command."""
    return set(re.findall(r"--[a-z][a-z-]*", " ".join(commands().values())))


def test_the_front_matter_has_the_form_that_agents_read() -> None:
    front, body = parts()
    assert front.keys() == {"name", "description"}
    assert front["name"] == SKILL.parent.name
    assert 40 < len(front["description"]) <= 1024
    assert len(body.split()) < 1000, "it is read into a context; keep it short"


def test_every_command_and_option_that_it_names_exists() -> None:
    _, body = parts()
    spans = [span for span in _SPAN.findall(body) if span.startswith(("sia ", "--"))]
    assert len(spans) > 10
    for span in spans:
        words = shlex.split(span)
        assert words[0] != "sia" or words[1] in commands(), span
        assert {word for word in words if word.startswith("--")} <= options(), span


@pytest.mark.slow
def test_every_command_that_it_names_does_what_it_says(tmp_path: Path) -> None:
    for example in examples(parts()[1]):
        done = sia(tmp_path, *shlex.split(example))
        expected = 1 if example.startswith("doctor") and not contained() else 0
        assert done.status == expected, f"sia {example}\n{done.output}{done.errors}"
        assert done.output, f"sia {example} prints nothing"
        if "--json" in example:
            rows = done.output.splitlines() if example.startswith("log") else [done.output]
            assert all(isinstance(json.loads(row), dict | list) for row in rows), example
        if example.startswith("show"):
            assert json.loads(done.output)["best"]["generation"] > 1
    assert (tmp_path / "best" / "README.md").exists()
