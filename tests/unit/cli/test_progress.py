"""What a run prints while it goes on, and at its end."""

from __future__ import annotations

import time

import pytest
from msgspec.structs import replace

from engine.core.state import State, evolve
from engine.events import types as t
from engine.models.live_text import LiveText
from engine.queries.cut_replies import cut_replies
from engine.queries.run_report import show
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
                call = t.ModelCalled("task", "m", "p", number, "q", "r", finish, harness="h", usd=0.5)
                super().append(generation, call)


def printed(play: Play, capsys: pytest.CaptureFixture[str]) -> str:
    """What is printed of a run without a terminal."""
    progress, state = Progress(live=False, quiet=False), State()
    for event in play.log.events:
        state = evolve(state, event)
        progress(event, state)
    return capsys.readouterr().out


@pytest.mark.parametrize("cut", [True, False])
def test_replies_that_are_cut_are_told_with_their_number(cut: bool, capsys: pytest.CaptureFixture[str]) -> None:
    play = Talking(Memory())
    play.finishes = ("stop", "length", "length") if cut else ("stop", "tools")
    play.to_rest()
    said = printed(play, capsys)
    executions = sum(isinstance(event.payload, t.ExecutionFinished) for event in play.log.events)
    assert executions > 1
    assert said.count("of 3 replies of the task model 2 were cut") == (executions if cut else 0)
    found = cut_replies(play.log.events)
    report = show(play.state, "finished", cut=found)
    assert {n: (one.replies, one.cut) for n, one in found.items()} == (dict.fromkeys((1, 2, 3), (3, 2)) if cut else {})
    assert [one["replies_cut"] for one in report["generations"]] == [{"replies": 3, "cut": 2} if cut else None] * 3


def test_without_a_terminal_a_long_step_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    play = Talking(Memory(), started(settings(model="m", budget=t.Budget(evaluations=900))))  # an event a second
    play.to_rest()
    said = [line for line in printed(play, capsys).splitlines() if "Execution: " in line]
    assert said[0] == (
        "generation 1 · Execution: 7 of 14 · score 0.100 · 0.7 a second · about 10.0 s left · "
        "$1.5000 · "
        "evaluations 7/900"
    )
    assert len(said) == 3


def test_a_step_without_events_says_every_ten_seconds_how_long_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    play = Play(Memory(), started(settings()))
    play.to_rest()
    baseline = next(event for event in play.log.events if isinstance(event.payload, t.StepStarted))
    told = Progress(live=False, quiet=False)
    state = State()
    for event in play.log.events[: baseline.n]:
        state = evolve(state, event)
        told(event, state)
    for second in range(1, 36):
        told.waited(baseline.at + second * 1_000_000)
    said = [line for line in capsys.readouterr().out.splitlines() if "so far" in line]
    assert said == [f"baselines: {seconds} s so far" for seconds in (10, 20, 30)]


def test_a_short_step_prints_no_such_line(capsys: pytest.CaptureFixture[str]) -> None:
    play = Play(Memory(), started(settings()))
    play.to_rest()
    play.log.events = [replace(event, at=event.at // 10) for event in play.log.events]
    assert "Execution: " not in printed(play, capsys)


def test_without_a_terminal_a_reply_is_told_now_and_then_by_its_last_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_700_000_000.0]
    monkeypatch.setattr(time, "time_ns", lambda: int(now[0] * 1e9))
    live, progress = LiveText(), Progress(live=False, quiet=False)
    live.watch = lambda: progress.heard(live)
    with live.of("feedback") as listen:
        hear = listen()
        for _ in range(300):  # half a minute
            now[0] += 0.1
            hear("one [word] \x1b[2J and ")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("starting: reply of the Feedback-Agent, 20 characters so far: one [word] \\x1b[2J")
    assert max(map(len, lines)) < 160
