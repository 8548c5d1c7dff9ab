"""No program that only a log names as a run's agent is started before its user trusts it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine import trust
from engine.events.log import RunLog
from engine.grading.loader import find
from engine.loop.launch import reopen
from engine.run.domain_session import describe
from engine.run.workspace import Workspace
from engine.transfer.rebuild import rebuild
from engine.transfer.run_import import import_run
from tests.histories import Play, settings, started
from tests.unit.cli.trust.strangers import sia
from tests.unit.transfer.carried import seal_to


def _run_by(tmp_path: Path, agent: str) -> Workspace:
    """This user's workspace with an imported run whose agent is `agent`."""
    theirs = Workspace(tmp_path / "theirs" / ".sia")
    theirs.create()
    digest, counts, _ = asyncio.run(describe(find("toy"), None, lambda _: None))
    ref = replace(started().domain, source="toy", digest=digest, counts=counts)
    with contextlib.closing(RunLog.hold(theirs.path, "r1")) as log:
        Play(log, replace(started(settings(agent=agent)), domain=ref)).to_rest()  # type: ignore[arg-type]
    rebuild(theirs)
    mine = Workspace(tmp_path / "mine" / ".sia")
    import_run(mine, seal_to(theirs, tmp_path / "run.sia"))
    return mine


@pytest.mark.parametrize("kind", trust.COMMANDS)
@pytest.mark.parametrize("line", ["resume last --generations 99", "fork last --at 20", "branch last --generation 1"])
def test_a_command_that_a_log_names_is_not_started(
    tmp_path: Path, kind: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = f"{kind}sh -c 'touch /tmp/was-started'"
    home = _run_by(tmp_path, agent).path.parent
    done = sia(home, line, monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert done.exception.places == [agent]
    assert "this would start " in str(done.exception) and "with the network and your keys" in str(done.exception)


def test_the_engine_starts_none_by_itself(tmp_path: Path) -> None:
    """Also where a command forgets to ask."""
    mine = _run_by(tmp_path, "command:sh -c true")

    async def go() -> None:
        async with reopen(mine, "last", workers=1, report=lambda _: None, resume=False):
            raise AssertionError("it went on")

    with pytest.raises(trust.Untrusted, match="start 'sh -c true'"):
        asyncio.run(go())


def test_a_command_is_trusted_once_listed_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sia(tmp_path, "trust", monkeypatch, "command:sh -c true").exit_code == 0
    assert trust.untrusted(None, ["command:sh -c true", "command:sh -c false"]) == ["command:sh -c false"]
    assert "command:sh -c true" in sia(tmp_path, "trust --list", monkeypatch).output.splitlines()
    assert sia(tmp_path, "trust --forget", monkeypatch, "command:sh -c true").exit_code == 0
    assert trust.untrusted(None, ["command:sh -c true"]) == ["command:sh -c true"]
