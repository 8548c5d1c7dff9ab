"""Versions in git: our ids are git's own, whatever the machine is set to, and no ref moves unseen."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from harness_repo.objects import Object, Version, build
from harness_repo.repository import Repository, RepositoryError
from tests.commits import files

FILES = {
    "agent.py": b"def solve(instance, ctx):\n    return 0\n",
    "a/x": b"",
    "a.b": b"sorts before a/",
    "a0": b"sorts after a/",
    'prompts/de/für "x" 字.md': b"\0\xff\r\n",
    "prompts/-x --force": b"dash",
    "prompts/de/\\back*?[": b"glob",
    "big.txt": b"0123456789" * 20_000,
}
PLAIN = Version(FILES, [], 1, None, "seed", "the seed")
ODD = "Leading line\n\n  indented\n# not a comment\r\nGeneration: 99\n\x00zero \ud800 surrogate ü 字"


def git(path: Path, *arguments: str, **environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | environment
    done = subprocess.run(["git", *arguments], cwd=path, env=clean, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr if arguments[0] == "fsck" else done.stdout


def point(repository: Repository, ref: str, commit: str) -> None:
    repository.update({ref: commit}, repository.refs())


@pytest.fixture
def repository(workspace: Path) -> Repository:
    return Repository(workspace / "harness_repo")


def test_git_finds_every_object_under_our_id(repository: Repository) -> None:
    first = repository.write(PLAIN)
    second = repository.write(Version({**FILES, "a/x": b"1"}, [first.commit], 2, "harness", "search", ODD))
    point(repository, "refs/heads/x", second.commit)
    report = git(repository.path, "fsck", "--full", "--strict", "--no-dangling")
    assert "error" not in report
    assert "missing" not in report
    for item in [*first.objects, *second.objects]:
        assert git(repository.path, "cat-file", "-t", item.id).strip() == item.kind
        hashed = subprocess.run(
            ["git", "hash-object", "-t", item.kind, "--stdin"], input=item.data, capture_output=True, check=True
        )
        assert hashed.stdout.decode().strip() == item.id


def test_git_builds_the_same_tree_and_commit(repository: Repository, tmp_path: Path) -> None:
    """A user who commits the same files with the same dates and author gets our ids."""
    work = tmp_path / "work"
    for path, content in FILES.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(content)
    written = repository.write(PLAIN)
    git(work, "init", "-q")
    git(work, "-c", "core.autocrlf=false", "add", "-A")
    assert git(work, "write-tree").strip() == written.tree
    who = {"GIT_AUTHOR_NAME": "sia", "GIT_AUTHOR_EMAIL": "sia@localhost", "GIT_AUTHOR_DATE": "@1 +0000"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    message = "generation 1: first harness\n\nthe seed\n\nGeneration: 1\nLever: none\nAuthor: seed\n"
    assert git(work, "commit-tree", written.tree, "-m", message, **who).strip() == written.commit


@pytest.mark.parametrize(
    "changed",
    [
        {"files": {"agent.py": b"x"}},
        {"parents": ["1" * 40]},
        {"number": 2},
        {"lever": "harness"},
        {"author": "a"},
        {"reason": "r"},
    ],
)
def test_the_id_covers_all_that_makes_a_version(changed: dict[str, object]) -> None:
    assert build(PLAIN._replace(**changed)).commit != build(PLAIN).commit  # type: ignore[arg-type]


def test_ids_do_not_depend_on_the_user_or_the_machine(repository: Repository, tmp_path: Path) -> None:
    config = tmp_path / "gitconfig"
    config.write_text("[user]\nname = Eve\nemail = eve@x\n[core]\nautocrlf = true\n[i18n]\ncommitEncoding = latin1\n")
    script = (
        "import sys, pathlib, tests.unit.harness_repo.test_repository as here\n"
        "repository = here.Repository(pathlib.Path(sys.argv[1]))\n"
        "print(repository.write(here.PLAIN).commit, repository.path)\n"
    )
    environment = os.environ | {
        "GIT_CONFIG_GLOBAL": str(config), "GIT_AUTHOR_NAME": "Eve", "GIT_COMMITTER_DATE": "@7 +0700",
        "TZ": "Asia/Kathmandu", "LC_ALL": "C", "PYTHONPATH": str(Path(__file__).parents[3]),
    }  # fmt: skip
    command = [sys.executable, "-c", script, str(tmp_path / "other")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == repository.write(PLAIN).commit == build(PLAIN).commit


def test_a_git_that_calls_us_keeps_its_own_repository(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hook git points its children at the repository that it works on."""
    theirs = workspace / "theirs"
    theirs.mkdir()
    git(theirs, "init", "-q")
    before = sorted(str(path) for path in theirs.rglob("*"))
    monkeypatch.setenv("GIT_DIR", str(theirs / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(theirs))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(theirs / ".git" / "objects"))
    monkeypatch.setenv("GIT_QUARANTINE_PATH", str(theirs / ".git" / "objects" / "incoming"))
    monkeypatch.setenv("GIT_NAMESPACE", "theirs")
    ours = Repository(workspace / "ours")
    written = ours.write(PLAIN)
    point(ours, "refs/heads/x", written.commit)
    assert ours.refs() == {"refs/heads/x": written.commit}
    assert sorted(str(path) for path in theirs.rglob("*")) == before
    assert git(workspace / "ours", "rev-parse", "refs/heads/x").strip() == written.commit


def test_an_awkward_path_is_taken_as_it_is_written(repository: Repository, workspace: Path) -> None:
    assert (workspace / "harness_repo" / "HEAD").is_file()


def test_a_person_can_clone_it(repository: Repository, tmp_path: Path) -> None:
    written = repository.write(PLAIN)
    point(repository, "refs/heads/main", written.commit)
    git(tmp_path, "clone", "-q", str(repository.path), "copy")
    assert (tmp_path / "copy" / "big.txt").read_bytes() == FILES["big.txt"]
    assert "Generation: 1" in git(tmp_path / "copy", "log", "--format=%B")


def test_files_come_back_as_they_went_in(repository: Repository) -> None:
    assert files(repository.path, repository.write(PLAIN).commit) == FILES


def test_writing_again_is_harmless_and_a_second_handle_sees_it(repository: Repository) -> None:
    written = repository.write(PLAIN)
    assert repository.write(PLAIN) == written
    other = Repository(repository.path)
    assert other.has(written.commit)
    assert not other.has("0" * 39 + "1")


def test_what_git_stores_under_another_id_is_noticed(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Object, "id", property(lambda self: "1" * 40))
    with pytest.raises(RepositoryError, match="git stored blob"):
        repository.write(PLAIN)


def test_the_difference_between_versions_is_shown(repository: Repository) -> None:
    old = repository.write(PLAIN).commit
    new = repository.write(PLAIN._replace(files={**FILES, "agent.py": b"other\n"}, parents=[old], number=2)).commit
    diff = repository.diff(old, new)
    assert "+other" in diff
    assert "big.txt" not in diff


@pytest.mark.parametrize("hostile", ["--output=evil", "-d", "HEAD", "", "1" * 39])
def test_only_ids_name_commits(repository: Repository, workspace: Path, hostile: str) -> None:
    commit = repository.write(PLAIN).commit
    for call in (lambda: repository.diff(hostile, commit), lambda: point(repository, "refs/heads/x", hostile)):
        with pytest.raises(RepositoryError, match="is not the id of a commit"):
            call()


def test_reachable_is_what_some_ref_reaches(repository: Repository) -> None:
    first = repository.write(PLAIN).commit
    second = repository.write(PLAIN._replace(parents=[first], number=2)).commit
    loose = repository.write(PLAIN._replace(number=3)).commit
    point(repository, "refs/tags/run/g2", second)
    assert repository.reachable() == {first, second}
    assert repository.has(loose)


def test_a_ref_that_moved_meanwhile_is_not_overwritten_and_none_of_the_others_is_moved(repository: Repository) -> None:
    mine, theirs = (repository.write(PLAIN._replace(number=n)).commit for n in (2, 3))
    before = repository.refs()
    point(repository, "refs/heads/x", theirs)
    with pytest.raises(RepositoryError):
        repository.update({"refs/heads/w": mine, "refs/heads/x": mine, "refs/heads/y": mine}, before)
    assert repository.refs() == {"refs/heads/x": theirs}


def test_a_lock_that_a_killed_git_left_is_removed_as_soon_as_no_git_can_hold_it(repository: Repository) -> None:
    commit = repository.write(PLAIN).commit
    (repository.path / "refs" / "tags" / "x.lock").touch()
    (repository.path / "HEAD.lock").touch()
    repository.update({"refs/tags/x": commit}, {})
    repository.head("refs/tags/x")
    assert repository.refs() == {"refs/tags/x": commit}
    assert list(repository.path.rglob("*.lock")) == []


@pytest.mark.parametrize("age_s", [30, 3600])
def test_a_lock_stays_while_a_git_of_ours_may_hold_it(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, age_s: int
) -> None:
    """It is held by that git too, which outlives an engine that is killed. After a minute it hangs, or never was."""
    monkeypatch.setattr("harness_repo.repository.PATIENCE_S", 0.05)
    commit = repository.write(PLAIN).commit
    lock = repository.path / "refs" / "tags" / "x.lock"
    lock.touch()
    os.utime(lock, (lock.stat().st_mtime - age_s,) * 2)
    with repository._alone() as held:
        survivor = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, pass_fds=held)
    try:
        with contextlib.nullcontext() if age_s > 60 else pytest.raises(RepositoryError, match="lock"):
            repository.update({"refs/tags/x": commit}, {})
    finally:
        survivor.communicate(b"\n")
    assert lock.exists() == (age_s <= 60)
    repository.update({"refs/tags/x": commit}, repository.refs())
    assert repository.refs() == {"refs/tags/x": commit}


def test_a_repository_whose_making_was_killed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git takes a folder with an empty HEAD for none, and what has a HEAD is not made again."""

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "replace", kill)
        Repository(tmp_path / "new")
    assert Repository(tmp_path / "new").refs() == {}


def test_one_git_process_moves_and_removes_any_number_of_refs(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (repository.write(PLAIN._replace(number=n)).commit for n in (2, 3))
    wanted: dict[str, str | None] = {f"refs/tags/run/g{n}": old for n in range(40)}
    repository.update(wanted, repository.refs())
    before, calls = repository.refs(), []
    run = subprocess.run
    monkeypatch.setattr(subprocess, "run", lambda *words, **more: calls.append(words) or run(*words, **more))
    repository.update({**wanted, "refs/tags/run/g7": None, "refs/tags/run/g8": new}, before)
    repository.update({"refs/tags/run/g1": old}, before)
    assert len(calls) == 1
    del before["refs/tags/run/g7"]
    assert repository.refs() == before | {"refs/tags/run/g8": new}


def test_racing_points_lose_none_silently(repository: Repository) -> None:
    """Every call either is one link of the ref's history, or raises."""
    git(repository.path, "config", "core.logAllRefUpdates", "always")
    commits = [repository.write(PLAIN._replace(number=n)).commit for n in range(2, 14)]
    refused: list[str] = []
    ready = threading.Barrier(4)

    def race(mine: list[str]) -> None:
        own = Repository(repository.path)
        ready.wait(30)
        for commit in mine:
            try:
                point(own, "refs/heads/x", commit)
            except RepositoryError:
                refused.append(commit)

    threads = [threading.Thread(target=race, args=(commits[i::4],)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moves = [line.split()[:2] for line in (repository.path / "logs/refs/heads/x").read_text().splitlines()]
    assert [old for old, _ in moves] == ["0" * 40, *(new for _, new in moves[:-1])]
    assert sorted([new for _, new in moves] + refused) == sorted(commits)
    assert repository.refs()["refs/heads/x"] == moves[-1][1]
