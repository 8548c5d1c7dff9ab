"""What a run prints while it goes on, and at its end."""

from __future__ import annotations

import pytest

from engine.core.state import State, evolve
from engine.events import types as t
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


class Talking(Play):
    """Calls the task model in each Execution; the replies end in turn as `finishes` says."""

    finishes = ("stop", "length", "length")

    def append(self, generation: int, *payloads: t.Payload, contents: tuple[bytes, ...] = ()) -> None:  # type: ignore[override]
        super().append(generation, *payloads, contents=contents)
        if any(isinstance(payload, t.StepStarted) and payload.kind == "execute" for payload in payloads):
            for number, finish in enumerate(self.finishes):
                super().append(generation, t.ModelCalled("task", "m", "p", number, "q", "r", finish))


@pytest.mark.parametrize("cut", [True, False])
def test_replies_that_are_cut_are_told_with_their_number(cut: bool, capsys: pytest.CaptureFixture[str]) -> None:
    play = Talking(Memory())
    play.finishes = ("stop", "length", "length") if cut else ("stop", "tools")
    play.to_rest()
    progress, state = Progress(live=False, quiet=False), State()
    for event in play.log.events:
        state = evolve(state, event)
        progress(event, state)
    said = capsys.readouterr().out
    executions = sum(isinstance(event.payload, t.ExecutionFinished) for event in play.log.events)
    assert executions > 1
    assert said.count("of 3 replies of the task model 2 were cut") == (executions if cut else 0)
