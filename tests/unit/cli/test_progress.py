"""The lines at the end of a run."""

from __future__ import annotations

import pytest

from sia_tui.app.pages.run.overview import _account
from sia_tui.cli.progress import Progress
from tests.histories import Memory, Play, settings, started


def test_the_end_of_a_run_and_the_app_say_what_it_can_still_detect(capsys: pytest.CaptureFixture[str]) -> None:
    play = Play(Memory(), started(settings(generations=3)), skill=lambda n, instance: float(n * len(instance)))
    play.to_rest()
    Progress(live=False, quiet=False).ended(play.state)
    printed = " ".join(capsys.readouterr().out.split())
    assert "one more generation detects a true gain of" in printed and "12 units" in printed
    shown = " ".join(row.text for row in _account(play.state, 200))
    assert "one more generation detects a true gain of" in shown
