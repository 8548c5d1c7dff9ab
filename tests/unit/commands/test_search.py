"""`sia search`: a text in all runs, each event once, as many lines as asked for, the others counted."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.events.reader import Reader
from sia_tui.app.model.event_filter import PROMPTS
from sia_tui.main import cli
from tests.searched import RAISED, searched

GOLDEN = Path(__file__).parents[2] / "golden"


@pytest.fixture
def place(workspace: Path) -> Path:
    return searched(workspace)


def sia(workspace: Path, *words: str) -> Result:
    done = CliRunner().invoke(cli, ["search", "--workspace", str(workspace), *words])
    assert done.exit_code == 0, done
    return done


def counts(workspace: Path, *words: str) -> dict[str, int]:
    """How many events of each run pass."""
    return {one["name"]: one["count"] for one in json.loads(sia(workspace, "--json", *words).output)}


def test_the_instances_that_raised_are_found_in_the_run_that_recorded_them(place: Path) -> None:
    assert counts(place, "traceback") == {"a-fork": 1, "b": 2, "a": RAISED}
    assert counts(place, "log:Traceback") == {"b": 2, "a": RAISED}
    lines = sia(place, "log:Traceback").output.splitlines()
    assert lines[0] == "b  toy  2 events"
    assert lines[1].split()[:4] == ["gen", "1", lines[1].split()[2], "case-0"]
    assert lines[1].endswith("case-0  log: Traceback (most recent call last):")
    assert len(lines) == 2 + 2 + RAISED


def test_one_run_is_searched_with_what_it_shares_with_its_parent(place: Path) -> None:
    assert counts(place, "traceback", "--run", "a-fork") == {"a-fork": RAISED + 1}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (('"list index out"',), {"b": 2, "a": RAISED}),
        (("index", "list", "out"), {"b": 2, "a": RAISED}),
        (("list out",), {"b": 2, "a": RAISED}),
        (('"list out"',), {}),
        (("indexerror id:case-1",), {"b": 1, "a": 11}),
        (("indexerror", "id:case-1"), {"b": 1, "a": 11}),
        (("type:run.noted",), {"a-fork": 1}),
        (("n:1", "--", "-type:gate"), {"b": 1, "a": 1}),
        (("fixed",), {}),
    ],
)
def test_words_and_terms_are_those_of_the_filter(place: Path, words: tuple[str, ...], found: dict[str, int]) -> None:
    assert counts(place, *words) == found


def test_beyond_the_limit_events_are_counted(place: Path) -> None:
    printed = sia(place, "log:Traceback", "--limit", "5").output.splitlines()
    assert printed[-1] == f"  and {RAISED - 5} more; --limit prints them"
    assert len(printed) == 3 + 1 + 5 + 1
    (*_, last) = json.loads(sia(place, "log:Traceback", "--limit", "5", "--json").output)
    assert (last["count"], last["more"], len(last["events"])) == (RAISED, RAISED - 5, 5)
    assert last["events"][0]["field"] == "log" and last["events"][0]["instance"] == "case-0"


def test_what_many_runs_name_is_read_once(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: Counter[str] = Counter()
    blob = Reader.blob

    def counted(self: Reader, name: str) -> bytes:
        read[name] += 1
        return blob(self, name)

    monkeypatch.setattr(Reader, "blob", counted)
    sia(place, "traceback")
    assert set(read.values()) == {1}


def test_nothing_found_is_said_and_an_empty_text_is_refused(place: Path) -> None:
    assert "no event of 3 runs passes" in sia(place, "nonesuch").stderr
    assert json.loads(sia(place, "nonesuch", "--json").stdout) == []
    refused = CliRunner().invoke(cli, ["search", "", "--workspace", str(place)])
    assert refused.exit_code == 2 and "an empty text" in refused.stderr


def test_a_line_of_a_long_prompt_is_cut_around_the_text(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "v4-models.db", tmp_path / "events.db")
    (run,) = json.loads(sia(tmp_path, 'prompt:"Guess a digit"', "--json").output)
    assert run["count"] > 1
    for one in run["events"]:
        assert one["field"] in PROMPTS
        assert "Guess a digit" in one["line"] and len(one["line"]) <= 162 and "\\n" not in one["line"]
