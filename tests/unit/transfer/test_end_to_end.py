"""A real run, carried by the command line to an empty workspace: no network, a file that cannot be written."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.story import TOY, sia, story


def call(workspace: Path, *arguments: str, offline: bool = False) -> str:
    jail = ["unshare", "--net"] if offline and _can_unshare() else []
    done = subprocess.run(
        [*jail, *sia(workspace, *arguments)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done
    return done.stdout


def _can_unshare() -> bool:
    return subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode == 0


def _refs(workspace: Path) -> str:
    return subprocess.run(
        ["git", "-C", workspace / "harness_repo", "for-each-ref"], capture_output=True, text=True, check=True
    ).stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("home")
    call(workspace, "run", str(TOY), "--generations", "2", "--name", "trip", "--headless")
    return workspace


def test_a_run_goes_on_where_it_was_carried_to(home: Path, tmp_path: Path) -> None:
    media, away = tmp_path / "media", tmp_path / "away"
    media.mkdir()
    file = media / "trip.sia"
    call(home, "export", "trip", "-o", str(file))
    file.chmod(0o444)
    media.chmod(0o555)
    try:
        assert json.loads(call(away, "replay", "--file", str(file), "--verify", "--json", offline=True))["identical"]
        assert json.loads(call(away, "verify", "--file", str(file), "--json", offline=True))["ok"]
        assert not away.exists()
        call(away, "import", str(file), offline=True)
    finally:
        media.chmod(0o755)
    assert json.loads(call(away, "replay", "trip", "--verify", "--json", offline=True))["identical"]
    assert json.loads(call(away, "verify", "--json", offline=True))["ok"]
    assert story(away, "trip") == story(home, "trip")
    assert _refs(away) == _refs(home)
    shutil.rmtree(away / "harness_repo")
    call(away, "rebuild", offline=True)
    assert _refs(away) == _refs(home)
    call(away, "fork", "trip", "--at", "9", "--name", "again", "--headless", offline=True)
    assert story(away, "again") == story(home, "trip")
    spent = json.loads(call(away, "show", "again", "--json"))["cost"]
    assert spent["evaluations"] == 0 or spent["reused"] > 0


@pytest.mark.slow
def test_branching_a_recorded_run_goes_on_in_ones_own_workspace(home: Path, tmp_path: Path) -> None:
    file, mine = tmp_path / "recorded.sia", tmp_path / "mine"
    call(home, "export", "trip", "-o", str(file))
    call(mine, "run", str(TOY), "--generations", "1", "--name", "trip", "--headless")  # its name is taken here
    call(
        mine,
        "branch",
        "last",
        "--from",
        str(file),
        "--generation",
        "1",
        "--name",
        "mine",
        "--set",
        "seed=3",
        "--headless",
    )
    names = [run["name"] for run in json.loads(call(mine, "ls", "--json"))]
    assert len(names) == 3 and names[0] == "trip" and names[1].startswith("trip-") and names[2] == "mine"
    assert json.loads(call(mine, "replay", "mine", "--verify", "--json"))["identical"]
    assert json.loads(call(mine, "verify", "--json"))["ok"]


def test_a_wrong_place_in_a_file_imports_nothing(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "recorded.sia"
    call(home, "export", "trip", "-o", str(file))
    done = subprocess.run(
        sia(tmp_path / "w", "fork", "last", "--from", str(file), "--at", "9999"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1 and "events 1 to" in done.stderr
    assert not (tmp_path / "w").exists()


def test_a_clone_tells_the_story(home: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for words in (
        ["clone", "-q", home / "harness_repo", clone],
        ["-C", clone, "fetch", "-q", "origin", "refs/notes/*:refs/notes/*"],
    ):
        subprocess.run(["git", *words], check=True, capture_output=True)
    log = subprocess.run(
        ["git", "-C", clone, "log", "--graph", "--all", "--notes"], check=True, capture_output=True, text=True
    ).stdout
    assert (
        "origin/trip"
        in subprocess.run(["git", "-C", clone, "branch", "-a"], check=True, capture_output=True, text=True).stdout
    )
    for word in ("trip, generation 1: accepted", "lever: harness", "reason: ", "val: 1.0000"):
        assert word in log


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["export", "last", "-o", "x.html"], "choose .sia or .jsonl"),
        (["export", "last", "-o", "no/such/folder/x.sia"], "does not exist"),
        (["export", "nobody", "-o", "x.sia"], "there is no run"),
        (["rm", "last", "--headless"], "--yes"),
        (["rm", "last", "--json"], "--yes"),
        (["import", "nowhere.sia"], "does not exist"),
        (["fork", "last", "--at", "3", "--from", "nowhere.sia"], "does not exist"),
        (["branch", "last", "--generation", "2"], "--generations 3"),
        (["branch", "last", "--generation", "1", "--generations", "1"], "--generations 2"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_changes_nothing(
    home: Path, tmp_path: Path, arguments: list[str], says: str
) -> None:
    before = (home / "events.db").read_bytes()
    done = subprocess.run(sia(home, *arguments), capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert done.returncode == 1 and says in done.stderr and len(done.stderr.strip().splitlines()) == 1, done
    assert (home / "events.db").read_bytes() == before
