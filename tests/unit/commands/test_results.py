"""checkout and apply from the command line, with a real run of the toy."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.story import TOY, sia


def call(workspace: Path, *arguments: str, status: int = 0, text: str = "") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        sia(workspace, *arguments), input=text, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == status, done
    assert "Traceback" not in done.stderr
    return done


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("taking")
    (place / "script.toml").write_text("[[decision]]\nreason = 'rule'\nparams = { method = 'rule', skill = 10 }\n")
    call(place / "w", "run", str(TOY), "--generations", "2", "--agent", f"script:{place / 'script.toml'}")
    return place / "w"


def test_checkout_makes_the_same_folder_twice_and_never_writes_over_one(workspace: Path, tmp_path: Path) -> None:
    def content(place: Path) -> dict[str, bytes]:
        return {str(path.relative_to(place)): path.read_bytes() for path in place.rglob("*") if path.is_file()}

    facts = json.loads(call(workspace, "checkout", "last", "-o", str(tmp_path / "a"), "--with-data", "--json").stdout)
    call(workspace, "checkout", "-o", str(tmp_path / "b"), "--with-data")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert facts["generation"] == 2 and sorted(facts["files"]) == sorted(content(tmp_path / "a"))
    assert "train.jsonl" in facts["files"]
    refused = call(workspace, "checkout", "last", "-o", str(tmp_path / "a"), status=1)
    assert "not an empty folder" in refused.stderr
    call(workspace, "checkout", "last", status=2)


def test_answers_come_a_line_an_input_with_progress_elsewhere(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('5\n{"id": "b", "data": 103}\n')
    done = call(workspace, "apply", "last", str(tmp_path / "in.jsonl"))
    assert done.stdout == "5\n1\n"
    assert "preparing generation 2" in done.stderr and "140 instances (train+val)" in done.stderr
    assert call(workspace, "apply", "last", "-", "--generation", "1", text="5\n6").stdout == "0\n0\n"
    assert "50 instances (run)" in call(workspace, "apply", "last", "-", "--prepared-on", "run", text="5").stderr


def test_failures_are_typed_keep_their_line_and_end_with_status_1(workspace: Path, tmp_path: Path) -> None:
    done = call(workspace, "apply", "last", "-", status=1, text='"x"\n3\n')
    assert done.stdout == "\n1\n"
    assert "1: candidate: TypeError" in done.stderr and "1 of 2 inputs have no answer" in done.stderr
    facts = json.loads(call(workspace, "apply", "last", "-", "--json", status=1, text='"x"\n3\n').stdout)
    assert [row["failure"] and row["failure"]["kind"] for row in facts["answers"]] == ["candidate", None]
    assert (facts["generation"], facts["prepared_on"]) == (2, "train+val")
    (tmp_path / "in.txt").write_text("3\n")
    assert "TypeError" in call(workspace, "apply", "last", str(tmp_path / "in.txt"), status=1).stderr
    assert call(workspace, "apply", "last", str(tmp_path / "in.txt"), "--as", "jsonl").stdout == "1\n"


def test_input_that_cannot_be_read_is_refused_in_a_sentence(workspace: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    for source, word in ((str(tmp_path / "no.jsonl"), "No such file"), (str(tmp_path / "latin.txt"), "not UTF-8")):
        refused = call(workspace, "apply", "last", source, status=1)
        assert word in refused.stderr and len(refused.stderr.splitlines()) == 1
    assert "line 1 is not JSON" in call(workspace, "apply", "last", "-", status=1, text="plain").stderr
    assert "no instance" in call(workspace, "apply", "last", "-", status=1).stderr
    assert "no generation 3" in call(workspace, "apply", "last", "-", "--generation", "3", status=1, text="1").stderr
