"""A run leaves as one file and arrives as it was: same events, same commits, nothing twice."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core import replay
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import chain_hash
from engine.events.log import RunLog, is_held
from engine.events.reader import Reader
from engine.loop.fork import ForkPlan, fork
from engine.queries import audit
from engine.queries.run_report import trajectory
from engine.run.workspace import Workspace
from engine.transfer.annotations import note, rename
from engine.transfer.jsonl import write_jsonl
from engine.transfer.removal import remove
from engine.transfer.run_import import import_run
from tests.histories import Play, started
from tests.unit.transfer.carried import contents_of, seal_to


def hashes(workspace: Workspace, run: str) -> list[str]:
    with contextlib.closing(workspace.reader()) as reader:
        return [event.hash for event in reader.history(reader.find(run).run)]


def whole(workspace: Workspace) -> None:
    with contextlib.closing(workspace.reader()) as reader:
        assert audit.verify(reader, workspace).problems == []


def test_it_arrives_as_it_was_and_again_as_nothing_new(home: Workspace, away: Workspace, exported: Path) -> None:
    first, second = import_run(away, exported), import_run(away, exported)
    assert (first.name, first.new, second.new) == ("toy-1", first.events, 0)
    assert hashes(away, "toy-1") == hashes(home, "toy-1")
    whole(away)
    with contextlib.closing(away.reader()) as reader:
        assert replay.verify(reader, "r1").identical


def test_an_import_that_was_killed_before_its_refs_is_completed_by_another(
    away: Workspace, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("engine.transfer.rebuild.point_refs", kill)
        import_run(away, exported)
    assert import_run(away, exported).new == 0
    with contextlib.closing(away.reader()) as reader:
        assert audit.verify(reader, away).problems == []


def test_a_head_that_git_cannot_move_is_told_in_a_sentence(away: Workspace, exported: Path) -> None:
    away.create()
    away.repository()
    (away.path / "harness_repo" / "HEAD.lock").mkdir()
    with pytest.raises(SiaError, match=r"git is behind the log.*HEAD\.lock"):
        import_run(away, exported)


def test_the_file_itself_replays_and_verifies(exported: Path) -> None:
    exported.chmod(0o444)
    with contextlib.closing(Reader.open(exported)) as reader:
        assert replay.verify(reader, reader.find("last").run).identical
        assert audit.verify(reader).problems == []


def test_logs_stay_behind_and_that_is_told_from_damage(home: Workspace, away: Workspace, exported: Path) -> None:
    assert b"what val-3 said" not in exported.read_bytes()
    _, contents = contents_of(exported)
    assert not any(b"said in generation" in data for data in contents.values())
    assert import_run(away, exported).left_out > 20
    with contextlib.closing(away.reader()) as reader:
        assert {row["log"] for row in trajectory(reader, "r1", "val-3")} == {"(left out when this run was exported)"}
    with contextlib.closing(home.reader()) as reader:
        assert trajectory(reader, "r1", "val-3")[0]["log"] == "what val-3 said in generation 1"


def test_with_data_logs_come_along_also_to_fill_in(
    home: Workspace, away: Workspace, exported: Path, tmp_path: Path
) -> None:
    import_run(away, exported)
    import_run(away, seal_to(home, tmp_path / "full.sia", data=True))
    with contextlib.closing(away.reader()) as reader:
        assert trajectory(reader, "r1", "val-3")[0]["log"] == "what val-3 said in generation 1"
    import_run(away, exported)
    whole(away)
    with contextlib.closing(away.reader()) as reader:
        assert trajectory(reader, "r1", "val-3")[0]["log"].startswith("what val-3")


def test_what_arrived_without_logs_leaves_without_them(away: Workspace, exported: Path, tmp_path: Path) -> None:
    import_run(away, exported)
    again = seal_to(away, tmp_path / "again.sia", data=True)
    assert contents_of(again) == contents_of(exported)


def test_equal_runs_are_equal_files(home: Workspace, exported: Path, tmp_path: Path) -> None:
    assert seal_to(home, tmp_path / "other.sia").read_bytes() == exported.read_bytes()


def test_a_fork_brings_its_ancestors_prefixes_and_shares_what_is_here(
    home: Workspace, away: Workspace, exported: Path, tmp_path: Path
) -> None:
    child = fork(home, ForkPlan("r1", 40, name="child"))
    before = fork(home, ForkPlan(child, 30, name="before"))  # from before the child's own first event
    with contextlib.closing(RunLog.hold(home.path, before)) as log:
        history = list(log.reader.history(before))
        Play(log, history=history).to_rest()  # type: ignore[arg-type]
    file = seal_to(home, tmp_path / "before.sia", before)
    assert import_run(away, file).name == "before"
    assert hashes(away, "before") == hashes(home, "before")
    whole(away)
    assert len(hashes(away, "toy-1")) == 40
    assert import_run(away, exported).new == len(hashes(home, "toy-1")) - 40
    assert hashes(away, "toy-1") == hashes(home, "toy-1")
    whole(away)


def test_a_longer_history_extends_what_is_here(
    home: Workspace, away: Workspace, exported: Path, tmp_path: Path
) -> None:
    import_run(away, exported)
    note(home, "toy-1", "one more event")
    assert import_run(away, seal_to(home, tmp_path / "longer.sia")).new == 1
    assert import_run(away, exported).new == 0
    whole(away)


def test_a_run_that_went_another_way_here_is_not_merged(
    home: Workspace, away: Workspace, exported: Path, tmp_path: Path
) -> None:
    import_run(away, exported)
    note(away, "toy-1", "mine")
    note(home, "toy-1", "yours")
    longer = seal_to(home, tmp_path / "longer.sia")
    before = hashes(away, "toy-1")
    with pytest.raises(SiaError, match="differs here from event"):
        import_run(away, longer)
    assert hashes(away, "toy-1") == before


def test_a_name_that_is_taken_here_is_lengthened_and_kept_so(home: Workspace, away: Workspace, exported: Path) -> None:
    away.create()
    with contextlib.closing(RunLog.hold(away.path, "other")) as log:
        log.append([(0, started())])
    assert import_run(away, exported).name == "toy-1-r1"
    with contextlib.closing(away.reader()) as reader:
        assert [(run.run, run.name) for run in reader.runs()] == [("other", "toy-1"), ("r1", "toy-1-r1")]
    refs = away.repository().refs()
    assert "refs/heads/toy-1-r1" in refs
    assert "refs/heads/toy-1" not in refs
    assert rename(away, "toy-1-r1", "mine").name == "toy-1-r1"
    whole(away)


def test_the_name_is_free_again_when_its_bearer_is_removed(away: Workspace, exported: Path) -> None:
    away.create()
    with contextlib.closing(RunLog.hold(away.path, "other")) as log:
        log.append([(0, started())])
    import_run(away, exported)
    remove(away, "toy-1")
    with contextlib.closing(away.reader()) as reader:
        assert [run.name for run in reader.runs()] == ["toy-1"]
    assert {ref.split("/")[2] for ref in away.repository().refs()} == {"toy-1", "commits"}
    whole(away)


def test_a_run_that_an_engine_extends_at_this_moment_is_not_touched(
    home: Workspace, away: Workspace, exported: Path, tmp_path: Path
) -> None:
    import_run(away, exported)
    note(home, "toy-1", "more")
    longer = seal_to(home, tmp_path / "longer.sia")
    with contextlib.closing(RunLog.hold(away.path, "r1")), pytest.raises(SiaError, match="another engine"):
        import_run(away, longer)
    assert not is_held(away.path, "r1")


def test_a_live_run_is_exported_as_far_as_it_is(home: Workspace, tmp_path: Path, away: Workspace) -> None:
    with contextlib.closing(RunLog.hold(home.path, "r2")) as log:
        play = Play(log, replace(started(), name="live"))  # type: ignore[arg-type]
        play.perform("baseline", 0, 1)
        file = seal_to(home, tmp_path / "live.sia")
    assert import_run(away, file).events == 3


def test_a_damaged_run_is_not_exported(home: Workspace, tmp_path: Path) -> None:
    with contextlib.closing(RunLog.hold(home.path, "r9")) as log:
        log.db.conn.execute("DROP TRIGGER events_no_update")
        log.db.conn.execute("UPDATE events SET at = 7 WHERE n = 9 AND run = 'r1'")
    with pytest.raises(SiaError, match="event 9 of toy-1 was altered"):
        seal_to(home, tmp_path / "x.sia", "r1")
    assert not list(tmp_path.glob("*.sia")) + list(tmp_path.glob(".export*"))


def test_nothing_that_is_there_is_overwritten(home: Workspace, exported: Path) -> None:
    before = exported.read_bytes()
    with pytest.raises(SiaError, match="already exists"):
        seal_to(home, exported)
    assert exported.read_bytes() == before


def test_lines_hold_what_was_hashed_and_the_text_it_names(home: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "run.jsonl"
    with contextlib.closing(home.reader()) as reader:
        count = write_jsonl(reader, reader.find("last"), target, data=False)
    lines = target.read_text().splitlines()
    assert len(lines) == count == len(hashes(home, "toy-1"))
    told: dict[str, bytes] = {}
    for text in lines:
        line = json.loads(text)
        stored = text[text.index('"payload":') + 10 :]
        payload = json.JSONDecoder().raw_decode(stored)[1]
        head = [line[name] for name in ("prev_hash", "run", "n", "type", "v", "at", "generation")]
        assert chain_hash(*head, stored[:payload].encode()) == line["hash"]
        told |= {name: data.encode() for name, data in line.get("blobs", {}).items()}
        told |= {name: base64.b64decode(data) for name, data in line.get("base64", {}).items()}
        if line["type"] == t.InstanceFinished.type:
            assert line["left_out"] == [line["payload"]["log"]]
    assert all(hashlib.sha256(data).hexdigest() == name for name, data in told.items())
    assert any(b"def solve" in data for data in told.values())
    assert "said in generation" not in target.read_text()
