"""gc, rm, rename, note, rebuild: what is removed is what nobody needs, and what is derived comes back the same."""

from __future__ import annotations

import contextlib
import shutil
import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core import replay
from engine.core.settings import check_name
from engine.core.state import fold
from engine.errors import SiaError
from engine.events import tips
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.storage.connection import IntegrityError, transaction
from engine.loop import control_socket
from engine.loop.fork import ForkPlan, fork
from engine.queries import audit
from engine.queries.run_report import show
from engine.run.git_refs import NOTES
from engine.run.workspace import Workspace
from engine.transfer.annotations import note, rename
from engine.transfer.garbage import survey, sweep
from engine.transfer.rebuild import rebuild
from engine.transfer.removal import remove
from engine.transfer.run_import import import_run
from tests.commits import files
from tests.histories import Play, started
from tests.unit.transfer.carried import seal_to


def refs(workspace: Workspace) -> dict[str, str]:
    return workspace.repository().refs()


def problems(workspace: Workspace) -> list[str]:
    with contextlib.closing(workspace.reader()) as reader:
        return audit.verify(reader, workspace).problems


@pytest.fixture
def whole(home: Workspace) -> Workspace:
    """`home`, with its repository."""
    rebuild(home)
    return home


def test_rebuild_makes_the_same_commits_refs_and_notes_again(whole: Workspace) -> None:
    before = refs(whole)
    assert sorted(before) == [
        "refs/heads/toy-1", NOTES, "refs/tags/toy-1/g1", "refs/tags/toy-1/g2", "refs/tags/toy-1/g3"
    ]  # fmt: skip
    shutil.rmtree(whole.path / "harness_repo")
    assert problems(whole) != []
    done = rebuild(whole)
    assert (refs(whole), done.commits, done.refs) == (before, 3, 4)
    assert problems(whole) == []


def test_rebuild_leaves_a_persons_own_refs_alone(whole: Workspace) -> None:
    commit = refs(whole)["refs/heads/toy-1"]
    whole.repository().update({"refs/heads/mine": commit}, {})
    rebuild(whole)
    assert refs(whole)["refs/heads/mine"] == commit


def test_notes_tell_lever_reason_score_and_verdict(whole: Workspace) -> None:
    told = {path: text.decode() for path, text in files(whole.path / "harness_repo", NOTES).items()}
    best = told[refs(whole)["refs/tags/toy-1/g3"]]
    assert best == ("toy-1, generation 3: accepted\n    lever: harness\n    reason: skill 2\n    val: 0.3000\n")
    assert "none, the first harness" in told[refs(whole)["refs/tags/toy-1/g1"]]


def test_a_run_is_called_otherwise_in_the_log_and_in_git(whole: Workspace) -> None:
    before = refs(whole)
    rename(whole, "toy-1", "better")
    assert sorted(refs(whole)) == sorted(ref.replace("toy-1", "better") for ref in before)
    with contextlib.closing(whole.reader()) as reader:
        assert fold(reader.history("r1")).name == reader.find("better").name == "better"
        assert replay.verify(reader, "r1").identical
    assert problems(whole) == []
    assert all(b"better," in text for text in files(whole.path / "harness_repo", NOTES).values())


@pytest.mark.parametrize("name", ["toy-1", "No", "../x", "", "a..b", "x.lock"])
def test_a_name_that_cannot_be_changes_nothing(whole: Workspace, name: str) -> None:
    before = (refs(whole), whole.log.read_bytes())
    with pytest.raises(SiaError, match=r"not a name|already has a run"):
        rename(whole, "toy-1", name)
    assert (refs(whole), whole.log.read_bytes()) == before


def test_a_note_is_kept_and_nothing_follows_from_it(whole: Workspace) -> None:
    note(whole, "toy-1", "the data of May")
    with contextlib.closing(whole.reader()) as reader:
        state = fold(reader.history("r1"))
        assert (show(state, "finished")["notes"], state.status) == (["the data of May"], "finished")
        assert replay.verify(reader, "r1").identical
    for text in ("", " \n", "x" * 5000):
        with pytest.raises(SiaError, match="a note has"):
            note(whole, "toy-1", text)


def test_no_time_is_counted_for_a_word_about_an_interrupted_run(whole: Workspace) -> None:
    now = [0]
    with contextlib.closing(RunLog.hold(whole.path, "r2", lambda: now[0])) as log:
        log.append([(0, replace(started(), name="late")), (0, t.StepStarted("baseline", 1))])
        now[0] = 3_600_000_000
        log.append([(0, t.RunNoted("an hour later"))])
        assert fold(log.reader.history("r2")).spent.seconds == 0


@pytest.mark.parametrize(
    "act",
    [lambda w: rename(w, "toy-1", "x"), lambda w: note(w, "toy-1", "x"), lambda w: remove(w, "toy-1"), sweep, survey],
)
def test_nothing_of_this_is_done_while_an_engine_holds_the_run(whole: Workspace, act: object) -> None:
    before = refs(whole)
    with contextlib.closing(RunLog.hold(whole.path, "r1")), pytest.raises(SiaError, match="engine is working"):
        act(whole)  # type: ignore[operator]
    assert refs(whole) == before


def test_a_removed_run_is_gone_and_the_rest_is_as_it_was(whole: Workspace) -> None:
    before, untouched = refs(whole), whole.log
    child = fork(whole, ForkPlan("r1", 60, name="child"))
    with contextlib.closing(RunLog.hold(whole.path, child)) as log:
        Play(log, history=list(log.reader.history(child))).to_rest()  # type: ignore[arg-type]
    rebuild(whole)
    assert len(refs(whole)) > len(before)
    gone = remove(whole, "child")
    assert (gone.name, refs(whole), problems(whole)) == ("child", before, [])
    assert not (whole.tips / child).exists() and not (whole.path / "locks" / child).exists()
    assert untouched.exists()
    with contextlib.closing(whole.reader()) as reader:
        assert [run.name for run in reader.runs()] == ["toy-1"]
    assert survey(whole).blobs == 0  # the child shared all its contents
    assert remove(whole, "last").run == "r1"
    assert survey(whole).blobs > 0 and refs(whole) == {}


def test_the_guards_stand_again_after_a_removal(whole: Workspace) -> None:
    fork(whole, ForkPlan("r1", 60, name="child"))
    remove(whole, "child")
    with contextlib.closing(RunLog.hold(whole.path, "r1")) as log:
        for statement in ("DELETE FROM events", "UPDATE events SET at = 1"):
            with pytest.raises(IntegrityError, match="append-only"):
                log.db.conn.execute(statement)


def test_a_parent_is_not_removed(whole: Workspace) -> None:
    fork(whole, ForkPlan("r1", 60, name="child"))
    before = whole.log.read_bytes()
    with pytest.raises(SiaError, match="toy-1 is the parent of child"):
        remove(whole, "toy-1")
    assert whole.log.read_bytes() == before and problems(whole) == []


def test_a_removed_run_can_come_back(whole: Workspace, exported: Path) -> None:
    before = refs(whole)
    remove(whole, "toy-1")
    assert import_run(whole, exported).new > 60
    assert (refs(whole), problems(whole)) == (before, [])


def test_a_sweep_removes_what_nothing_needs_and_says_so_first(whole: Workspace) -> None:
    with contextlib.closing(RunLog.hold(whole.path, "gone")) as log:
        log.append([(0, replace(started(), name="gone"))], contents=[b"nobody needs this"])
    remove(whole, "gone")
    (whole.path / "locks" / "never").touch()
    (whole.path / "tips" / ".r1").write_bytes(b"half a tip")
    dead = control_socket.address(whole.path, "r1")
    dead.parent.mkdir()
    with contextlib.chdir(dead.parent), socket.socket(socket.AF_UNIX) as bound:
        bound.bind(dead.name)
    before = set(whole.path.rglob("[!e]*"))
    found = survey(whole)
    assert set(whole.path.rglob("[!e]*")) == before
    assert (found.blobs, found.file_bytes, len(found.files)) == (1, 10, 3)
    assert sweep(whole) == found
    assert not dead.exists() and survey(whole).blobs == 0 and survey(whole).files == []
    assert problems(whole) == []
    with contextlib.closing(whole.reader()) as reader:
        assert replay.verify(reader, "r1").identical


def test_the_end_of_a_lost_run_is_evidence_and_stays(whole: Workspace) -> None:
    tips.write(whole.tips, "lost", tips.Tip(9, "0" * 64))
    sweep(whole)
    assert any("run lost once had 9 events" in problem for problem in problems(whole))


def fork_under(workspace: Workspace, run: str, name: str) -> None:
    """A fork as earlier releases made it, which bounded no name."""
    with contextlib.closing(workspace.reader()) as reader:
        at = reader.event("r1", 9)
    with contextlib.closing(RunLog.hold(workspace.path, run)) as log:
        log.fork_from(at)
        log.append([(at.generation, t.RunForked(name, "r1", 9))])
        with transaction(log.db, durable=True) as connection:
            connection.execute("UPDATE runs SET name = ? WHERE run = ?", (name, run))


def test_forks_of_forks_keep_names_that_are_names(whole: Workspace) -> None:
    parent = "r1"
    for _ in range(40):
        parent = fork(whole, ForkPlan(parent, 9))
    with contextlib.closing(whole.reader()) as reader:
        names = [run.name for run in reader.runs()]
    assert len(set(names)) == 41
    for name in names:
        check_name(name)


def test_long_names_of_earlier_releases_stop_nobody(whole: Workspace, away: Workspace, tmp_path: Path) -> None:
    fork_under(whole, "r2", "toy-1" + ".1" * 40)
    fork_under(whole, "r3", "toy-1" + ".1" * 200)
    rebuild(whole)
    assert problems(whole) == []
    assert f"refs/heads/toy-1{'.1' * 40}" in refs(whole)
    with contextlib.closing(whole.reader()) as reader:
        assert max(len(run.name) for run in reader.runs()) == 85
    assert import_run(away, seal_to(whole, tmp_path / "r2.sia", "r2")).name.endswith(".1.1")
    assert problems(away) == []


DAMAGE = {"empty": b"", "garbled": b"\x00garbage\xff" * 9}


@pytest.mark.parametrize("content", DAMAGE)
@pytest.mark.parametrize("what", ["ref", "commit", "tree", "file"])
def test_what_a_power_cut_did_to_git_is_named_and_repaired(whole: Workspace, what: str, content: str) -> None:
    before, repository = refs(whole), whole.repository()
    commit = before["refs/tags/toy-1/g2"]
    tree = repository._git("rev-parse", f"{commit}^{{tree}}")
    name = {"commit": commit, "tree": tree, "file": repository._git("rev-parse", f"{commit}:params.toml")}.get(what, "")
    file = f"objects/{name[:2]}/{name[2:]}" if name else "refs/tags/toy-1/g2"
    path = whole.path / "harness_repo" / file
    path.chmod(0o644)
    path.write_bytes(DAMAGE[content])
    assert f"{file} of harness_repo is damaged; `sia rebuild` writes it again" in problems(whole)
    rebuild(whole)
    assert (problems(whole), refs(whole)) == ([], before)
    repository._git("fsck", "--strict")


def test_a_ref_to_a_commit_that_is_gone_is_told_and_repaired(whole: Workspace) -> None:
    (whole.path / "harness_repo" / "refs" / "tags" / "toy-1" / "g2").write_text("0" * 39 + "1\n")
    assert ["harness_repo cannot be read" in problem for problem in problems(whole)] == [True]
    rebuild(whole)
    assert problems(whole) == []
