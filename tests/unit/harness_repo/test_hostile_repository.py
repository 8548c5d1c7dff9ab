"""A repository that came along with somebody's workspace runs no program of theirs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from harness_repo import repository as module
from harness_repo.objects import Version
from harness_repo.repository import Repository, RepositoryError

REF = "refs/heads/x"
HOOKS = (
    "reference-transaction",
    "post-update",
    "update",
    "pre-receive",
    "post-rewrite",
    "post-index-change",
    "pre-auto-gc",
)
Trap = Callable[[Path, Path], None]


def _script(path: Path, ran: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\necho ran >> {ran}\n")
    path.chmod(0o755)
    return path


def _configured(repository: Path, lines: str) -> None:
    with (repository / "config").open("a") as file:
        file.write(lines)


def hooks(repository: Path, ran: Path) -> None:
    for name in HOOKS:
        _script(repository / "hooks" / name, ran)


def hooks_elsewhere(repository: Path, ran: Path) -> None:
    for name in HOOKS:
        _script(ran.parent / "elsewhere" / name, ran)
    _configured(repository, f"[core]\n\thooksPath = {ran.parent / 'elsewhere'}\n")


def a_promisor_remote(repository: Path, ran: Path) -> None:
    """A missing object is fetched from it, by any program."""
    script = _script(ran.parent / "fetch", ran)
    _configured(
        repository,
        "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = origin\n"
        f'[remote "origin"]\n\tpromisor = true\n\turl = ext::{script}\n[protocol]\n\tallow = always\n'
        '[protocol "ext"]\n\tallow = always\n',
    )


def a_promisor_by_ssh(repository: Path, ran: Path) -> None:
    script = _script(ran.parent / "ssh", ran)
    _configured(
        repository,
        f"[core]\n\trepositoryformatversion = 1\n\tsshCommand = {script}\n[extensions]\n\tpartialClone = origin\n"
        '[remote "origin"]\n\tpromisor = true\n\turl = ssh://nowhere/x\n',
    )


def a_textconv(repository: Path, ran: Path) -> None:
    _attributes(repository)
    _configured(repository, f'[diff "trap"]\n\ttextconv = {_script(ran.parent / "convert", ran)}\n')


def an_external_diff(repository: Path, ran: Path) -> None:
    _attributes(repository)
    script = _script(ran.parent / "differ", ran)
    _configured(repository, f'[diff]\n\texternal = {script}\n[diff "trap"]\n\tcommand = {script}\n')


def _attributes(repository: Path) -> None:
    (repository / "info").mkdir(exist_ok=True)
    (repository / "info" / "attributes").write_text("* diff=trap\n")


TRAPS = [hooks, hooks_elsewhere, a_promisor_remote, a_promisor_by_ssh, a_textconv, an_external_diff]


def _work(repository: Repository) -> None:
    """Everything that is ever asked of git; an object is missing."""
    first = repository.write(Version({"agent.py": b"1\n"}, [], 1, None, "seed", "one"))
    second = repository.write(Version({"agent.py": b"2\n"}, [first.commit], 2, "harness", "search", "two"))
    steps: list[Callable[[], object]] = [
        lambda: repository.update({REF: first.commit}, repository.refs()),
        lambda: repository.update({REF: second.commit}, repository.refs()),
        lambda: repository.head(REF),
        lambda: repository.diff(first.commit, second.commit),
        repository.reachable,
        (repository.path / "objects" / first.commit[:2] / first.commit[2:]).unlink,
        repository.reachable,
        lambda: repository.diff(first.commit, second.commit),
        lambda: repository.update({REF: None}, repository.refs()),
    ]
    for step in steps:
        try:
            step()
        except RepositoryError:
            continue  # what is missing may be said; a program may not be run


@pytest.fixture(params=TRAPS, ids=lambda trap: trap.__name__)
def trapped(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Repository, Path]:
    made = Repository(tmp_path / "harness_repo")
    ran = tmp_path / "ran"
    request.param(made.path, ran)
    return made, ran


def test_no_program_of_a_repository_is_run(trapped: tuple[Repository, Path]) -> None:
    repository, ran = trapped
    _work(repository)
    assert not ran.exists()


def test_git_itself_would_run_it(trapped: tuple[Repository, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """So the test above can fail: with git as a user calls it, each trap springs."""
    repository, ran = trapped

    def plain(self: Repository, *arguments: str, stdin: str = "", **_: object) -> str:
        words = [word for word in arguments if word not in ("--no-ext-diff", "--no-textconv")]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", f"--git-dir={self.path}", *words],
            env=environment,
            input=stdin.encode(),
            capture_output=True,
            check=False,
        )
        if done.returncode:
            raise RepositoryError(done.stderr.decode())
        return done.stdout.decode()

    monkeypatch.setattr(module.Repository, "_git", plain)
    _work(repository)
    assert ran.exists()
