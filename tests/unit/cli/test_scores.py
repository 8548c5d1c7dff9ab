"""A score is shown with its standard error where that says something: not where one unit is all that it rests on."""

from __future__ import annotations

import pytest

from engine.events import types as t
from engine.events.codec import encode
from engine.events.event import Event
from engine.plain import with_error
from sia_tui.app.rows.units import format_score
from sia_tui.cli import formats, headlines

ONE, MANY, NOISY = t.Score(1.0, 0.0, 1), t.Score(1.0, 0.0, 12), t.Score(0.5, 0.25, 1)
ROUNDED = t.Score(0.1, 4.184e-18, 12)


@pytest.mark.parametrize(
    ("score", "shown"),
    [(ONE, "1.0000"), (MANY, "1.0000 ± 0.0000"), (NOISY, "0.5000 ± 0.2500"), (ROUNDED, "0.1000 ± 0.0000")],
    ids=str,
)
def test_one_unit_tells_nothing_of_its_error(score: t.Score, shown: str) -> None:
    assert with_error(score.score, score.se, score.n) == shown
    assert formats.score({"score": score.score, "se": score.se, "n": score.n}) == shown
    assert format_score(score.score, score.se, score.n) == shown
    measured = t.BaselineMeasured({"constant": score}, wall_s=1.0)
    event = Event(1, "r1", 1, measured.type, measured.version, 0, 1, encode(measured), "", "")
    assert headlines.headline(event, measured) == f"baselines on val: constant {shown}"
