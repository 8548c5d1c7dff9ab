"""Charts of a run: zoomed to the data with whole errors, every outcome told by its mark, safe as SVG."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.checkout import plots
from engine.core.state import State, fold
from engine.events import types as t
from sia_tui.app.rows.chart import chart_rows
from sia_tui.cli.figures import run_figures
from sia_tui.cli.figures.figure import Figure, Level, Point, Series, nice_ticks, outside, tick_labels, y_scale
from sia_tui.cli.figures.svg import document
from sia_tui.main import cli
from tests.histories import Memory, Play, settings, started

SVG = "{http://www.w3.org/2000/svg}"


def test_the_scale_holds_whole_errors_and_near_levels_and_names_far_ones() -> None:
    points = [Point(1, 0.80, 0.02), Point(2, 0.85, 0.01)]
    levels = [Level("near", 0.75), Level("far", 0.01)]
    figure = Figure("scores", "generation", "accuracy", [Series("val", points)], levels, whole=True)
    scale = y_scale(figure)
    assert 0.70 < scale.low < 0.75
    assert 0.86 < scale.high < 0.90
    assert [one.name for one in outside(figure)] == ["far"]
    assert "far 0.0100 (not drawn)" in document([figure])


def by_generation(*scores: float) -> Figure:
    points = [Point(n, score, 0.01, "accepted") for n, score in enumerate(scores, 1)]
    return Figure("scores", "generation", "accuracy", [Series("val", points)], whole=True)


def test_a_first_candidate_far_below_does_not_press_the_others_flat_and_is_still_told() -> None:
    figure = by_generation(0.2172, 0.8118, 0.8249, 0.8212, 0.8071, 0.8202)
    scale = y_scale(figure)
    assert 0.77 < scale.low < 0.80
    assert 0.83 < scale.high < 0.85
    assert "0.2172" in [one.text for one in ET.fromstring(document([figure])).iter(f"{SVG}text")]  # noqa: S314 - our own
    lines = [one.text for one in chart_rows(figure, 78, 20)]
    assert sum(line.count("▼") for line in lines) == 2  # in the chart and in its legend
    assert sum(line.count("●") for line in lines) == 6  # five, and the legend's


def test_a_mark_far_above_is_drawn_and_of_few_marks_all_are() -> None:
    assert y_scale(by_generation(0.81, 0.82, 0.81, 0.82, 0.81, 0.99)).high > 0.99
    assert y_scale(by_generation(0.2, 0.81, 0.82)).low < 0.2
    assert not any("▼" in one.text for one in chart_rows(by_generation(0.2, 0.81, 0.82), 78, 20))


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (0.6, 0.61), (-3e5, 2e7), (1e-7, 2e-7), (0.5, 0.5)])
def test_ticks_are_round_lie_in_the_range_and_differ_as_text(low: float, high: float) -> None:
    figure = Figure("f", "x", "y", [Series("s", [Point(1, low), Point(2, high)])])
    scale = y_scale(figure)
    assert scale.low < low <= high < scale.high
    assert all(scale.low <= tick <= scale.high for tick in scale.ticks)
    labels = tick_labels(scale.ticks)
    assert len(labels) == len(set(labels)) >= 2
    assert nice_ticks(0, 1, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def refused_run() -> State:
    """A run with an accepted, a refused and an honest score, and a baseline with a name that is no XML."""
    play = Play(Memory(), started(settings(generations=2)))
    play.to_rest()
    check = t.PrivateCheck(False, t.Score(0.3, 0.01, 12))
    play.append(2, t.ExecutionFinished({"val": t.Score(0.9, 0.05, 12)}, "d", {}, 12, 0, 1.0, None, check))
    play.append(2, t.GateDecided(False, "refused: failed the private check", "private check", 12))
    play.append(0, t.BaselineMeasured({"<b>&\x1b": t.Score(0.2, 0.01, 12)}, 1.0))
    return fold(play.log.events)


def test_a_chart_of_scores_tells_every_outcome_and_is_valid_xml() -> None:
    state = refused_run()
    scores, honest = run_figures.scores(state), run_figures.honest(state)
    assert scores is not None and honest is not None
    picture = ET.fromstring(document([scores, honest]))  # noqa: S314 - our own
    texts = [one.text or "" for one in picture.iter(f"{SVG}text")]
    assert {"accepted", "refused", "honest", "best so far", "bars: 1 standard error"} <= set(texts)
    assert any(text.startswith("<b>&\\x1b 0.2") for text in texts)
    (drawn,) = [one for one in scores.series if one.name == "on val"]
    assert (drawn.points[-1].y, drawn.points[-1].look) == (0.9, "refused")


def test_the_best_so_far_is_never_a_refused_score() -> None:
    scores = run_figures.scores(refused_run())
    assert scores is not None
    (best,) = [one for one in scores.series if one.shape == "steps"]
    assert max(point.y for point in best.points) < 0.9


def test_plots_of_a_domain_that_draws_no_answers(tmp_path: Path) -> None:
    def sia(*arguments: str) -> str:
        done = CliRunner().invoke(cli, [*arguments, "--workspace", str(tmp_path / "w")])
        assert done.exit_code == 0, done.output
        return done.output

    sia("run", "toy", "--generations", "1", "--headless")
    said = sia("show", "last", "--plots", str(tmp_path / "drawn"))
    for name in ("scores.svg", "cost.svg"):
        assert name in said
        ET.parse(tmp_path / "drawn" / name)  # noqa: S314 - our own


def test_the_recorded_run_is_found_for_pictures_of_its_answers_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def picture(*_: object, **__: object) -> list[str]:  # answers again, with data that is downloaded
        return ["answer.svg"]

    monkeypatch.setattr(plots, "picture", picture)
    words = ["show", "recorded", "--plots", str(tmp_path / "drawn"), "--workspace", str(tmp_path / "w"), "--headless"]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    assert "answer.svg" in done.output and "there is no run" not in done.output


def test_a_folder_that_cannot_be_written_gets_one_sentence(tmp_path: Path) -> None:
    workspace = str(tmp_path / "w")
    assert (
        CliRunner().invoke(cli, ["run", "toy", "--generations", "1", "--headless", "--workspace", workspace]).exit_code
        == 0
    )
    (tmp_path / "file").write_text("mine")
    done = CliRunner().invoke(cli, ["show", "last", "--plots", str(tmp_path / "file" / "x"), "--workspace", workspace])
    assert "cannot be written" in str(done.exception)
    assert (tmp_path / "file").read_text() == "mine"
