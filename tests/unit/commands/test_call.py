"""`sia call` and `sia log --calls`: prompts and replies on the command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.errors import SiaError
from sia_tui.main import cli

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def asked(tmp_path: Path) -> Path:
    """The log of a run whose agents and task model are language models."""
    shutil.copy(GOLDEN / "v4-models.db", tmp_path / "events.db")
    return tmp_path


def sia(workspace: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, [*words, "--workspace", str(workspace)])


def test_a_models_call_is_printed_with_all_turns_and_the_reply(asked: Path) -> None:
    printed = sia(asked, "call", "last", "9").output
    head, *lines = printed.splitlines()
    assert head.startswith("meta, meta/0 call 2 · claude-sonnet-4-6 · 1,126 tokens in, 73 out, ")
    marks = [line for line in lines if line.startswith("--- ")]
    assert marks == ["--- system", "--- user", *["--- assistant", "--- tool"] * 2, "--- reply"]
    assert "The task: Given a whole number x" in printed.replace("\n", " ")
    assert 'calls write_harness({"reason":"repaired"' in lines[-1]


def test_a_tools_call_is_printed_with_arguments_and_result(asked: Path) -> None:
    lines = sia(asked, "call", "last", "6").output.splitlines()
    assert lines[1:3] == ["--- arguments", '{"count":3,"first":0}']
    assert lines[3:5] == ["--- result", "train-0: 0"]


def test_the_list_has_the_last_message_and_the_reply_of_each_call(asked: Path) -> None:
    lines = sia(asked, "log", "last", "--calls").output.splitlines()
    assert len(lines) % 3 == 0
    at = next(place for place, line in enumerate(lines) if line.startswith("    10 "))
    assert [line.strip() for line in lines[at + 1 : at + 3]] == ["> Guess a digit. x = 14", "< 0"]


def test_an_event_that_is_no_call_is_refused(asked: Path) -> None:
    refused = sia(asked, "call", "last", "3").exception
    assert isinstance(refused, SiaError)
    assert "is no call of a model or a tool, but baseline.measured" in refused.message


def test_a_run_without_calls_says_so(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "v1-times7.db", tmp_path / "events.db")
    done = sia(tmp_path, "log", "last", "--calls")
    assert (done.exit_code, done.stdout) == (0, "")
    assert "has no calls of models or tools" in done.stderr
