"""Whatever is given for an option or an argument: one sentence, and nothing has changed."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.errors import SiaError
from engine.events.reader import Reader
from sia_tui.main import cli
from tests.story import TOY

LATIN_1 = os.fsdecode(b"caf\xe9")
LARGE = str(10**24)
LINES = (
    *(("note", "last", LATIN_1), ("hint", "last", LATIN_1)),
    *(("trajectory", "last", LATIN_1), ("show", LATIN_1), ("rename", "last", LATIN_1)),
    *(("run", str(TOY), "--name", LATIN_1), ("run", LATIN_1), ("run", str(TOY), "--model", LATIN_1)),
    *(("run", str(TOY), option, LARGE) for option in ("--seed", "--generations", "--workers", "--probes")),
    *(("run", str(TOY), f"--budget-{name}", LARGE) for name in ("tokens", "evaluations")),
    *(("run", str(TOY), f"--budget-{name}", size) for name in ("usd", "minutes") for size in ("nan", "inf", "-1")),
    *(("fork", "last", "--at", LARGE), ("branch", "last", "--generation", LARGE), ("diff", "last", "1", LARGE)),
    *(("checkout", "last", "--generation", LARGE, "-o", "x"), ("apply", "last", "x", "--generation", LARGE)),
    *(
        ("resume", "last", "--workers", "-3"),
        ("test", "last", "--workers", "0"),
        ("apply", "last", "-", "--workers", "0"),
    ),
    *(("run", str(TOY), "--name", name) for name in ("last", "recorded", "x.", "a" * 65)),
    *(("rename", "last", "last"), ("fork", "last", "--at", "2", "--name", "last")),
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("values") / "w"
    done = CliRunner().invoke(cli, ["run", str(TOY), "--generations", "1", "--plain", "--workspace", str(place)])
    assert done.exit_code == 0, done.output
    return place


def _state(workspace: Path) -> tuple[set[str], list[str]]:
    """The files of the workspace and around it, and the events of its log."""
    files = {str(path) for path in workspace.parent.rglob("*") if not path.name.startswith("events.db-")}
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return files, [event.hash for event in reader.all_events()]


@pytest.mark.parametrize("line", LINES, ids=lambda line: " ".join(line[:1] + line[2:])[:50])
def test_a_value_that_cannot_be_is_refused_in_a_sentence(
    workspace: Path, line: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace.parent)
    before = _state(workspace)
    done = CliRunner().invoke(cli, [*line, "--headless", "--workspace", str(workspace)])
    assert isinstance(done.exception, SiaError), (done.exception, done.output)
    assert str(done.exception).isprintable()
    assert _state(workspace) == before


def test_a_folder_whose_name_is_no_utf_8_is_worked_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / LATIN_1
    place.mkdir()
    (place / os.fsdecode(b"\xff.txt")).touch()
    monkeypatch.chdir(place)
    for line in ("run toy --generations 1 --plain", "show last", "verify", "export last -o run.sia", "trust"):
        done = CliRunner().invoke(cli, line.split())
        assert done.exit_code == 0, (line, done.output, done.exception)
    assert (place / ".sia" / "events.db").exists()
