"""`~` is the user's home wherever a path is set, also where no shell replaces it; options stand after the command."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from domains import cache
from engine import user_settings
from engine.run.options import read_script
from sia_tui.cli.formats import plural
from sia_tui.cli.options import default_workspace
from sia_tui.main import cli
from tests.story import TOY


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def called(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


def test_variables_that_name_places(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_WORKSPACE", "~/w")
    monkeypatch.setenv("SIA_CACHE", "~/c")
    assert (default_workspace(), cache.folder("data")) == (home / "w", home / "c" / "data")
    assert "~" not in called("config", "show").output.replace("~/.config", "")


def test_a_script_and_an_interpreter_in_the_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    (home / "sia").mkdir()
    (home / "sia" / "sia.toml").write_text('agent = "script:~/s.toml"\n[vllm]\ninterpreter = "~/v/bin/python"\n')
    (home / "s.toml").write_text("decision = []")
    found = user_settings.own()
    assert read_script(found.agent) == "decision = []"
    assert found.vllm.interpreter == home / "v" / "bin" / "python"


def test_options_that_name_files(home: Path) -> None:
    shutil.copytree(TOY, home / "toy", ignore=shutil.ignore_patterns("__pycache__"))
    assert called("run", "~/toy", "--generations", "1", "--plain", "--workspace=~/w", "--name", "a").exit_code == 0
    assert (home / "w" / "events.db").is_file()
    assert called("export", "a", "--workspace=~/w", "--output=~/a.sia").exit_code == 0
    verified = called("verify", "--workspace=~/w").output
    assert verified.endswith("intact.\n") and called("verify", "--file=~/a.sia").output == verified
    assert sorted(path.name for path in home.iterdir() if path.suffix == ".sia") == ["a.sia"]


@pytest.mark.parametrize("words", [["ls"], ["config", "show"], ["note", "last", "x"]])
def test_a_workspace_before_the_command_is_the_commands(home: Path, words: list[str]) -> None:
    before, after = called("--workspace", "~/w", *words), called(*words, "--workspace", "~/w")
    assert (before.exit_code, before.output) == (after.exit_code, after.output)
    assert "No such option" not in before.output and "comes after" not in before.output
    chosen = called("--workspace", str(home / "a"), *words, "--workspace", str(home / "b"))
    assert str(home / "a") not in chosen.output, "what is nearer to the command counts"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--file", "a.sia", "replay", "last"], "--file comes after the command: sia replay --file a.sia"),
        (["--file", "a.sia", "ls"], "run `sia import a.sia` first, or look at the file with `sia --file a.sia`"),
    ],
)
def test_an_option_before_the_command_is_told_where_it_belongs(words: list[str], says: str) -> None:
    refused = called(*words)
    assert (refused.exit_code, says in refused.stderr) == (2, True), refused.stderr


def test_one_is_no_plural() -> None:
    assert [plural(count, "event") for count in (0, 1, 2, 1200)] == ["0 events", "1 event", "2 events", "1,200 events"]


@pytest.mark.parametrize(
    "words",
    [
        ("ls", "--workspace", ""),
        ("run", "toy", "--data", ""),
        ("trust", ""),
        ("export", "last", "-o", ""),
        ("replay", "--file", ""),
        ("import", ""),
        ("new", "", "--template", "classify"),
    ],
    ids=lambda words: words[0],
)
def test_an_empty_text_is_no_path(home: Path, words: tuple[str, ...]) -> None:
    """As `--workspace "$UNSET"`: it was the current folder."""
    done = called(*words)
    assert done.exit_code != 0
    assert "an empty text names no" in f"{done.output}{done.exception}"
    assert not list(home.iterdir())
