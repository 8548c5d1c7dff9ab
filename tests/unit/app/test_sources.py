"""The open logs: the workspace first, as soon as there is one, and only once."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.run.workspace import Workspace
from sia_tui.app.model.sources import WORKSPACE, Sources, open_sealed

GOLDEN = sorted((Path(__file__).parents[2] / "golden").glob("*.db"))[0]


def test_the_workspace_is_opened_once_and_comes_first(workspace: Path, request: pytest.FixtureRequest) -> None:
    sources = Sources(Workspace(workspace))
    sources.add(open_sealed(GOLDEN))
    assert not sources.open_workspace()
    request.getfixturevalue("finished")
    assert sources.open_workspace()
    assert not sources.open_workspace()
    assert [source.label for source in sources] == [WORKSPACE, GOLDEN.name]
    assert [source.sealed for source in sources] == [False, True]
    assert all(source.changed() and not source.changed() for source in sources)


def test_a_sealed_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SiaError, match="does not exist"):
        open_sealed(tmp_path / "none.sia")


def test_a_run_without_an_engine_was_interrupted_unless_it_is_sealed(workspace: Path, started_run: str) -> None:
    sources = Sources(Workspace(workspace))
    sources.open_workspace()
    (source,) = sources
    (run,) = source.reader.runs()
    assert (run.status, source.status(run)) == ("running", "interrupted")
    source.workspace = None
    assert source.status(run) == "as exported"


@pytest.fixture
def started_run(workspace: Path) -> str:
    """A run that has started, and whose engine is gone."""
    import contextlib

    from engine.events.log import RunLog
    from tests.histories import started

    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        log.append([(0, started())])
    return "r1"
