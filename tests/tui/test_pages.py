"""Every page of every recorded run, at every event worth one: drawn without a fault, and saying what it is for."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from rich.cells import cell_len

from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from engine.queries.snapshot import Outline
from sia_tui.app import pages
from sia_tui.app.model.best_score import BestScores
from sia_tui.app.model.lineage_graph import PrivateChecks, at_state, read_lineage
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.run import dashboard
from sia_tui.app.rows.event_line import event_summary
from sia_tui.app.rows.lineage_graph import graph_rows
from sia_tui.app.rows.row import Target
from sia_tui.main import cli
from tests.histories import Play
from tests.tui.conftest import Opened, settle, texts

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.db"))


@contextlib.contextmanager
def snapshot(path: Path, n: int | None = None) -> Iterator[RunSnapshot]:
    """A log's latest run at its end, or at event `n`."""
    with contextlib.closing(Reader.open(path)) as reader:
        run = reader.runs()[-1]
        outline = Outline(reader, run.run)
        yield RunSnapshot(reader, outline, outline.head if n is None else n)


def led_to(at: RunSnapshot, width: int) -> set[Target]:
    """All that can be opened from the run's page, and from there, and so on."""
    known = {Target("run"), Target("scores"), Target("map"), Target("cost"), Target("training")}
    waiting = list(known)
    while waiting:
        target = waiting.pop()
        page = pages.build(at, target, width)
        assert page.rows, target
        assert 0 <= page.cursor_row < len(page.rows), target
        for row in page.rows:
            if row.target is not None and row.target not in known:
                known.add(row.target)
                waiting.append(row.target)
    return known


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("width", [24, 78, 120])
def test_whatever_a_page_leads_to_is_a_page(path: Path, width: int) -> None:
    with snapshot(path) as at:
        kinds = {target.kind for target in led_to(at, width)}
    assert kinds >= {"run", "generation", "instance", "harness", "file", "diff", "analysis", "event", "map", "bisect"}


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_every_event_has_a_page_and_a_line(path: Path) -> None:
    from sia_tui.app.model.event_cache import EventCache
    from sia_tui.app.rows.timeline_rows import event_row

    with snapshot(path) as at:
        lines = EventCache()
        for n in range(1, at.n + 1):
            assert str(n) in event_row(at, lines, n).text.replace(",", "")
            assert pages.build(at, Target("event", n), 78).rows


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_a_page_of_what_has_not_happened_yet_says_so(path: Path) -> None:
    with snapshot(path, n=1) as at:
        for kind in ("generation", "verdict", "analysis", "harness", "scores", "map", "training", "cases"):
            assert pages.build(at, Target(kind, 2), 78).rows
        assert any("has not started" in line for line in texts(pages.build(at, Target("generation", 2), 78).rows))


def test_a_model_call_shows_what_was_said() -> None:
    (path,) = [path for path in GOLDEN if "models" in path.stem]
    with snapshot(path) as at:
        calls = [event for event in at.milestones() if event.type == t.ModelCalled.type]
        tools = [event for event in at.milestones() if event.type == t.ToolCalled.type]
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
    with snapshot(workspace / "events.db") as at:
        page = texts(pages.build(at, Target("training"), 78).rows)
    titles = [line.split()[0] for line in page if " at step 8" in line]
    assert titles == ["reward", "kl", "rollouts"]  # what matters first
    assert "".join(text for text, _ in event_summary(last)) == "training, round 1  reward 0.8, kl 0.1, rollouts 8"
    assert any(line.startswith("reward  0.8 at step 8") for line in page)
    assert any(line.startswith("kl  0.1 at step 8") for line in page)
    assert any("⠀" < mark <= "⣿" for line in page for mark in line)
    plot = "".join(line for line in page if "│" in line or "┤" in line)
    assert not any(mark in plot for mark in "ox●○")  # no stray marks on a curve


def test_the_private_check_and_the_gap_are_shown(workspace: Path) -> None:
    check = t.PrivateCheck(False, t.Score(0.3, 0.01, 12), t.Score(0.4, 0.0, 12), {"rows lost": 2})
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log)  # type: ignore[arg-type]
        play.to_rest()
        number = play.state.generations[-1].n
        scores = {"val": t.Score(0.9, 0.01, 12)}
        log.append([(number, t.ExecutionFinished(scores, "d", {}, 12, 0, 1.0, None, check))])
    with snapshot(workspace / "events.db") as at:
        page = texts(pages.build(at, Target("generation", number), 78).rows)
        chart = texts(pages.build(at, Target("scores"), 78).rows)
    assert "private check  failed" in page
    assert any(line.startswith("gap            +0.6000") for line in page)
    assert any("refused on 2: rows lost" in line for line in page)
    assert any("◆ honest" in line for line in chart)
    assert "honest score by public score" in chart


def gamed(workspace: Path) -> Path:
    """A run whose generation 2 scores 0.9 and is refused by the private check, which measures 0.3."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log)  # type: ignore[arg-type]
        play.to_rest()
        checks = {1: t.PrivateCheck(True, t.Score(0.25, 0.01, 12)), 2: t.PrivateCheck(False, t.Score(0.3, 0.01, 12))}
        for n, val in ((1, t.Score(0.2, 0.05, 12)), (2, t.Score(0.9, 0.01, 12))):
            log.append([(n, t.ExecutionFinished({"val": val}, "d", {}, 12, 0, 1.0, None, checks[n]))])
        refused = t.GateDecided(False, "refused: failed the private check", "private check", 12)
        log.append([(2, refused)])
    return workspace / "events.db"


def test_a_refused_score_never_stands_bare(workspace: Path) -> None:
    with snapshot(gamed(workspace)) as at:
        whole = read_lineage(at.reader, {}, PrivateChecks(), BestScores())
        stepped = at_state(whole[0], at.state, "finished", at.outline.progress(at.n))
        shown = {
            "lineage": texts(graph_rows(whole, "workspace")),
            "lineage at an event": texts(graph_rows([stepped], "workspace")),
            "run": texts(pages.build(at, Target("run"), 100).rows),
            "scores": texts(pages.build(at, Target("scores"), 100).rows),
            "compare in the app": texts(pages.build(at, Target("compare", "r1", "r1"), 150).rows),
            "generations": texts(pages.build(at, Target("compare", 1, 2), 150).rows),
            "dashboard": texts(dashboard.score_bars(at.state, at.outline.progress(at.n), 100)),
        }
    for command in (["tree"], ["compare", "r1", "r1"], ["log", "r1"]):
        done = CliRunner(env={"COLUMNS": "200"}).invoke(cli, [*command, "--workspace", str(workspace)])
        shown[command[0]] = done.output.splitlines()
    assert any(line.startswith("dollars") for line in shown["compare in the app"])
    for where, lines in shown.items():
        scored = [line for line in lines if "0.9000" in line or line.startswith("generation 2 ")]
        assert scored, where
        for line in scored:
            assert "refused" in line, (where, line)
            assert "honest 0.3000, gap +0.6000" in line, (where, line)
    assert any("honest" in line and "0.2500" in line and "-0.0500" in line for line in shown["run"])
    assert shown["lineage"][2].startswith("│ × 2")
    assert shown["lineage"][2].index("honest 0.3000") + len("honest 0.3000") <= 38  # in sight on a narrow pane


def test_the_honest_score_stands_beside_the_best_one(workspace: Path) -> None:
    with snapshot(gamed(workspace)) as at:
        (node,) = read_lineage(at.reader, {}, PrivateChecks(), BestScores())
        first = node._replace(run=replace(node.run, best=0.2), generations=node.generations[:2])
        shown = texts(graph_rows([first], "workspace"))[0]
    assert shown == "● toy-1 0.2000 (honest 0.2500)  finished"


@pytest.mark.asyncio
async def test_the_chart_grows_with_its_pane(workspace: Path, opened: Opened) -> None:
    async with opened(gamed(workspace).parent, size=(80, 24)) as (pilot, main):
        await pilot.press("s")
        await settle(pilot)
        assert main.inspector.rows[-1].text  # the numbers stand below the chart
        axes = []
        for height in (24, 50):
            await pilot.resize_terminal(80, height)
            await settle(pilot)
            axes.append(next(i for i, one in enumerate(texts(main.inspector.rows)) if "└" in one))
    assert axes[1] - axes[0] == 50 - 24


@pytest.mark.parametrize(("width", "height"), [(38, 12), (78, 22), (150, 46)])
def test_the_chart_of_scores_fills_the_pane_and_tells_every_outcome(workspace: Path, width: int, height: int) -> None:
    with snapshot(gamed(workspace)) as at:
        rows = pages.build(at, Target("scores"), width, height).rows
    chart = texts(rows)[: max(14, height)]
    assert all(cell_len(line) <= width for line in chart)
    (axis,) = [index for index, line in enumerate(chart) if "└" in line]
    assert axis >= len(chart) - 6  # only labels and a legend stand below it
    plot = "".join(chart[:axis])
    for mark in "●×◆":
        assert mark in plot
    assert any(tone == "bad" and "×" in text for one in rows for text, tone in one.spans)
    assert "× refused" in " ".join(chart[axis:])


def test_costs_say_tokens_dollars_what_is_unknown_and_the_projection(workspace: Path) -> None:
    usage = t.Usage(input=1000, output=200)
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log)  # type: ignore[arg-type]
        play.to_rest()
        calls = [t.ModelCalled("feedback", "m", "p", n, "q", "r", "stop", usage, usd=0.25) for n in range(2)]
        log.append([(1, call) for call in calls])
        log.append([(2, t.ModelCalled("feedback", "m", "p", 0, "q", "r", "stop", usage, unpriced=True))])
    with snapshot(workspace / "events.db") as at:
        whole = texts(pages.build(at, Target("cost"), 78).rows)
        second = next(event.n for event in at.milestones() if event.generation == 2)
        under_way = texts(pages.build(at._replace(n=second), Target("cost"), 78).rows)
    assert "tokens         3,600" in whole
    assert any(line.startswith("dollars        $0.5000 and what is unknown") for line in whole)
    assert any("The price of 1 call is not known" in line for line in whole)
    assert not any(line.startswith("at the end") for line in whole)  # nothing is left
    assert any(line.startswith("at the end") for line in under_way)
    assert any(line.startswith("evaluations    about ") for line in under_way)
    assert any(line.endswith("time, sum") for line in whole)  # of what ran at once, too: more than the clock says
    assert any(line.startswith("time  ") and "by the clock" in line for line in whole)


CASES = {
    1: {"(128, 2, masked) ms": 60.0, "(128, 2, masked) ratio": 1.0, "(32, 2, masked) ms": 5.5, "share of all": 0.4},
    2: {
        "(128, 2, masked) ms": 38.5,
        "(128, 2, masked) share of the roofline": 0.62,
        "(128, 2, masked) ratio": 1.56,
        "(32, 2, masked) ms": 4.2,
        "(32, 2, masked) spread": 0.01,
        "share of all": 0.5,
    },
}
KERNELS = {
    1: {"language": "torch", "source": "def custom_kernel(data):\n    return slow(data)\n"},
    2: {"language": "torch", "source": "def custom_kernel(data):\n    return fast(data)\n"},
}


def timed_run(workspace: Path) -> Path:
    """A run whose generations 1 and 2 measured cases, and answered with kernels."""
    with contextlib.closing(RunLog.hold(workspace, "r1")) as log:
        play = Play(log)  # type: ignore[arg-type]
        play.to_rest()
        for n, measures in CASES.items():
            check = t.PrivateCheck(True, measures={name: t.Score(value, 0.0, 1) for name, value in measures.items()})
            harness = play.state.of(n).candidate.harness
            answer = json.dumps(KERNELS[n])
            met = t.InstanceFinished(harness, "val", "val-0", 0, 1, "", 1.0, answer, measures=measures)
            done = t.ExecutionFinished({"val": t.Score(1.0, 0.0, 12)}, "d", {}, 12, 0, 1.0, None, check)
            log.append([(n, met), (n, done)])
    return workspace / "events.db"


def test_cases_are_a_table_with_the_parents_time(workspace: Path) -> None:
    with snapshot(timed_run(workspace)) as at:
        generation = pages.build(at, Target("generation", 2), 78)
        page = pages.build(at, Target("cases", 2), 100)
    (way,) = [one.target for one in generation.rows if one.text.startswith("cases ")]
    assert way == Target("cases", 2)
    assert not any("(128, 2, masked) ms"[:14] in line for line in texts(generation.rows))  # the table has them
    assert any(line.startswith("share of all") for line in texts(generation.rows))  # which is no case
    header, small, large = [line.split("  ") for line in texts(page.rows) if "masked" in line or "case  " in line]
    assert [cell.strip() for cell in header if cell] == ["case", "ms", "ratio", "spread", "roofline", "before"]
    assert [cell.strip() for cell in small if cell] == ["(32, 2, masked)", "4.2", "-", "0.01", "-", "5.5"]
    assert [cell.strip() for cell in large if cell] == ["(128, 2, masked)", "38.5", "1.56", "-", "0.62", "60"]


def test_a_table_of_cases_fits_a_narrow_screen(workspace: Path) -> None:
    with snapshot(timed_run(workspace)) as at:
        page = texts(pages.build(at, Target("cases", 2), 30).rows)
    assert all(len(line) <= 30 for line in page if line.startswith((" ", "(")))
    assert "  ms 4.2" in page


def test_the_answer_is_shown_beside_the_parents(workspace: Path) -> None:
    with snapshot(timed_run(workspace)) as at:
        (way,) = [one.target for one in pages.build(at, Target("cases", 2), 100).rows if "answer" in one.text]
        assert way == Target("answers", 1, 2)
        both = texts(pages.build(at, way, 78).rows)
        first = texts(pages.build(at, Target("answers", 0, 1), 78).rows)
        same = texts(pages.build(at, Target("answers", 2, 2), 78).rows)
    assert "-    return slow(data)" in both
    assert "+    return fast(data)" in both
    assert "    return slow(data)" in first
    assert "the two answers are the same" in same


def test_a_generation_that_measured_no_cases_says_so(workspace: Path) -> None:
    with snapshot(timed_run(workspace)) as at:
        for target in (Target("cases", 3), Target("cases", 99), Target("answers", 1, 99)):
            (line,) = texts(pages.build(at, target, 78).rows)
            assert "no " in line


def test_the_command_prints_the_map(played: Path) -> None:
    shown = CliRunner().invoke(cli, ["show", "--map", "--workspace", str(played)])
    assert "best: the generations" in " ".join(shown.output.split()), shown.output
    assert any(line.split()[::2] == ["val-2", "2"] for line in shown.output.splitlines())
