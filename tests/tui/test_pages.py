"""Every page of every recorded run, at every event worth one: drawn without a fault, and saying what it is for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.loop.outline import Outline
from sia_tui.app import pages
from sia_tui.app.describe import told
from sia_tui.app.moment import Moment
from sia_tui.app.rows import Target
from tests.histories import Play
from tests.tui.conftest import texts

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.db"))


@contextlib.contextmanager
def moment(path: Path, n: int | None = None) -> Iterator[Moment]:
    """A log's only run at its end, or at event `n`."""
    with contextlib.closing(Reader.open(path)) as reader:
        (run,) = reader.runs()
        outline = Outline(reader, run.run)
        yield Moment(reader, outline, outline.head if n is None else n)


def led_to(at: Moment, width: int) -> set[Target]:
    """All that can be opened from the run's page, and from there, and so on."""
    known = {Target("run"), Target("scores"), Target("map"), Target("cost"), Target("training")}
    waiting = list(known)
    while waiting:
        target = waiting.pop()
        page = pages.build(at, target, width)
        assert page.rows, target
        assert 0 <= page.cursor < len(page.rows), target
        for row in page.rows:
            if row.target is not None and row.target not in known:
                known.add(row.target)
                waiting.append(row.target)
    return known


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [24, 78, 120])
def test_whatever_a_page_leads_to_is_a_page(path: Path, width: int) -> None:
    with moment(path) as at:
        kinds = {target.kind for target in led_to(at, width)}
    assert kinds >= {"run", "generation", "instance", "harness", "file", "diff", "analysis", "event", "map", "bisect"}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_event_has_a_page_and_a_line(path: Path) -> None:
    from sia_tui.app.timeline import EventPages, event_row

    with moment(path) as at:
        lines = EventPages()
        for n in range(1, at.n + 1):
            assert str(n) in event_row(at, lines, n).text.replace(",", "")
            assert pages.build(at, Target("event", n), 78).rows


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_page_of_what_has_not_happened_yet_says_so(path: Path) -> None:
    with moment(path, n=1) as at:
        for kind in ("generation", "verdict", "analysis", "harness", "scores", "map", "training"):
            assert pages.build(at, Target(kind, 2), 78).rows
        assert any("has not begun" in line for line in texts(pages.build(at, Target("generation", 2), 78).rows))


def test_a_model_call_shows_what_was_said() -> None:
    (path,) = [path for path in GOLDEN if "models" in path.stem]
    with moment(path) as at:
        calls = [event for event in at.seen() if event.type == t.ModelCalled.type]
        tools = [event for event in at.seen() if event.type == t.ToolCalled.type]
        assert calls
        assert tools
        page = texts(pages.build(at, Target("event", calls[0].n), 100).rows)
        assert "reply" in " ".join(page)
        assert any(line.startswith("tokens") for line in page)
        assert any(
            line.startswith("arguments") for line in texts(pages.build(at, Target("event", tools[0].n), 100).rows)
        )
        asked = next(event.payload for event in calls if event.payload.role == "task")  # type: ignore[attr-defined]
        _, instance, _ = asked.place.split("/")  # type: ignore[attr-defined]
        assert any(
            line.startswith("model call") for line in texts(pages.build(at, Target("instance", instance), 100).rows)
        )


def test_training_is_drawn_value_by_value(workspace: Path) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        Play(log).to_rest()  # type: ignore[arg-type]
        reports = [t.TrainingProgress(step, {"rollouts": 8, "kl": 0.1, "reward": step / 10}, 1) for step in range(1, 9)]
        last = log.append([(2, report) for report in reports])[-1]
    with moment(workspace / "events.db") as at:
        page = texts(pages.build(at, Target("training"), 78).rows)
    titles = [line.split()[0] for line in page if " at step 8" in line]
    assert titles == ["reward", "kl", "rollouts"]  # what matters first
    assert "".join(text for text, _ in told(last)) == "training, round 1  reward 0.8, kl 0.1, rollouts 8"
    assert any(line.startswith("reward  0.8 at step 8") for line in page)
    assert any(line.startswith("kl  0.1 at step 8") for line in page)
    assert any("o" in line and "│" in line for line in page)


def test_the_private_check_and_the_gap_are_shown(workspace: Path) -> None:
    check = t.PrivateCheck(False, t.Score(0.3, 0.01, 12), t.Score(0.4, 0.0, 12), {"rows lost": 2})
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log)  # type: ignore[arg-type]
        play.to_rest()
        number = play.state.generations[-1].n
        scores = {"val": t.Score(0.9, 0.01, 12)}
        log.append([(number, t.ExecutionFinished(scores, "d", {}, 12, 0, 1.0, None, check))])
    with moment(workspace / "events.db") as at:
        page = texts(pages.build(at, Target("generation", number), 78).rows)
        chart = texts(pages.build(at, Target("scores"), 78).rows)
    assert "private check  failed" in page
    assert any(line.startswith("gap            +0.6000") for line in page)
    assert any("refused on 2: rows lost" in line for line in page)
    assert any(line.startswith("x honest") for line in chart)
    assert "honest score against score" in chart
