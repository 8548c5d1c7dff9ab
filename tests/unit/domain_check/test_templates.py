"""Each template is a domain that runs at once, and `sia new` writes over nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from domains.contract import DataInvalid
from engine.core.settings import check_name
from engine.domain_check.templates import ABOUT, create, domain_name
from engine.errors import SiaError
from engine.grading.loader import find, load_module
from sia_tui.commands.tasks import new
from sia_tui.main import cli
from tests.docs.commandline import sia


@pytest.mark.parametrize(
    "template",
    [
        "classify",
        # judge: see test_judge.py
        *(pytest.param(name, marks=pytest.mark.slow) for name in ABOUT if name not in ("classify", "judge")),
    ],
)
def test_a_new_folder_runs_and_the_search_agent_improves_it(tmp_path: Path, template: str) -> None:
    create(tmp_path / "mine", template)
    done = sia(tmp_path, "run", "mine", "--generations", "2", "--probes", "6", "--json")
    assert done.status == 0, done.errors
    first, second = json.loads(done.output)["generations"]
    assert second["accepted"], second["reason"]
    assert first["failures"] == second["failures"] == {}


@pytest.mark.parametrize("template", ABOUT)
def test_the_test_of_a_new_folder_passes(tmp_path: Path, template: str) -> None:
    create(tmp_path / "mine", template)
    done = subprocess.run(
        [sys.executable, "-m", "unittest", "-v"], cwd=tmp_path / "mine", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert " ok\n" in done.stderr or "... ok" in done.stderr


def test_a_hostile_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiaError, match="not a path that can be shown"):
        create(tmp_path / "a\x1b[31m", "classify")
    assert list(tmp_path.iterdir()) == []


def test_a_template_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiaError, match="choose one of classify"):
        create(tmp_path / "mine", "../classify")
    assert not (tmp_path / "mine").exists()


@pytest.mark.parametrize("there", ["a file", "a folder that holds something"])
def test_nothing_is_written_over(tmp_path: Path, there: str) -> None:
    place = tmp_path / "mine"
    if there == "a file":
        place.write_text("mine")
    else:
        place.mkdir()
        (place / ".hidden").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SiaError, match="not empty"):
        create(place, "classify")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_path_that_leads_back_writes_over_nothing(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(SiaError, match="not empty"):
        create(tmp_path / "new" / "..", "classify")
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("name", ["My Task!", "...", "ÄÖÜ", "a" * 300, "-x-", "9 lives"])
def test_the_name_of_any_folder_becomes_the_name_of_a_domain(tmp_path: Path, name: str) -> None:
    check_name(domain_name(tmp_path / name))


def test_the_domain_is_called_like_its_folder(tmp_path: Path) -> None:
    create(tmp_path / "Night Shift", "program")
    assert find(str(tmp_path / "Night Shift")).spec.name == "night-shift"


def test_at_a_terminal_it_asks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new, "_can_ask", lambda shared: True)
    done = CliRunner().invoke(cli, ["new", str(tmp_path / "mine")], input="nonsense\nartefact\n")
    assert done.exit_code == 0, done.output
    assert all(f"  {name}" in done.output for name in ABOUT)
    assert "rota" in find(str(tmp_path / "mine")).spec.title


def test_without_a_terminal_the_template_has_to_be_named(tmp_path: Path) -> None:
    done = sia(tmp_path, "new", "mine")
    assert done.status == 1
    assert "--template" in done.errors


FILES = {
    "U+2028 and U+0085 in a text": (
        '{"id": "a", "text": "x \u2028 \u0085 y", "label": "b"}\n',
        "a",
        "x \u2028 \u0085 y",
        "b",
    ),
    "a byte order mark": ('\ufeff{"id": "a", "text": "x", "label": "b"}\n', "a", "x", "b"),
    "CRLF": ('{"id": "a", "text": "x", "label": "b"}\r\n', "a", "x", "b"),
    "blank lines": ('\n{"id": "a", "text": "x", "label": "b"}\n\n \n', "a", "x", "b"),
    "whole numbers": ('{"id": 0, "text": "x", "label": 1}\n', "0", "x", "1"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_classification_takes_json_lines_as_people_have_them(tmp_path: Path, name: str) -> None:
    content, *expected = FILES[name]
    create(tmp_path / "mine", "classify")
    for split in ("train", "val", "test"):
        (tmp_path / "mine" / "data" / f"{split}.jsonl").write_bytes(content.encode())
    (instance,) = load_module(tmp_path / "mine").load(None).instances("val")
    assert [instance.id, instance.data, instance.label] == expected


@pytest.mark.parametrize(
    "row",
    [
        "not JSON",
        "[1]",
        '{"id": "a", "text": "x"}',
        *(f'{{"id": {one}, "text": "x", "label": "b"}}' for one in ("null", "true", "1.5", "[1]", "NaN", "1" * 5000)),
        *(f'{{"id": "a", "text": "x", "label": {one}}}' for one in ("null", "false", "0.5", '["b"]', "{}", "NaN")),
        *(f'{{"id": "a", "text": {one}, "label": "b"}}' for one in ("null", "7", "[" * 5000 + "]" * 5000)),
        '{"id": "a", "text": "x", "label": "b", "label": "c"}',
    ],
    ids=lambda row: row[:40],
)
def test_a_row_that_is_no_labelled_text_is_refused_with_its_line(tmp_path: Path, row: str) -> None:
    create(tmp_path / "mine", "classify")
    good = '{"id": "first", "text": "x", "label": "b"}\n'
    for split in ("train", "val", "test"):
        (tmp_path / "mine" / "data" / f"{split}.jsonl").write_text(good + row + "\n")
    with pytest.raises(DataInvalid, match=r"line 2 of train\.jsonl is no object with an id, a text and a label"):
        load_module(tmp_path / "mine").load(None)
