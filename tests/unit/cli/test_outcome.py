"""What is printed as the app is left: the run's status, its best score, and commands that come back to it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from engine.core.state import State, fold
from sia_tui.cli.outcome import outcome
from tests.histories import Memory, Play, settings, started


@pytest.fixture(scope="module")
def state() -> State:
    play = Play(Memory(), started(settings(generations=2)))
    play.to_rest()
    return fold(play.log.events)


@pytest.mark.parametrize(
    ("status", "back"),
    [
        ("running", "`sia pause r --workspace w` pauses it"),
        ("paused", "`sia resume r --workspace w` goes on"),
        ("interrupted", "`sia resume r --workspace w` goes on"),
        ("stopped", "`sia resume r --workspace w` goes on"),
        ("finished", "`sia --workspace w` opens the app again"),
        ("failed", "`sia resume r --workspace w` goes on"),
    ],
)
def test_each_status_says_how_to_come_back(state: State, status: str, back: str) -> None:
    first, *others = outcome("r", state, status, option=" --workspace w")
    assert first.startswith(f"r is {status}; best ")
    assert f"on val, of generation {state.incumbent}." in first
    assert any(back in line for line in others)
    assert ("goes on" in " ".join(others)) == (status != "finished")


def test_a_run_that_waits_says_so_and_names_the_command(state: State) -> None:
    lines = outcome("r", replace(state, awaiting=3), "running")
    assert lines[0].startswith("r waits for your approval of candidate 3; ")
    assert "`sia approve r`" in lines[1]


def test_a_sealed_run_is_opened_by_its_file_and_nothing_goes_on(state: State) -> None:
    assert outcome("r", state, "finished", sealed="sia --file x.sia")[1:] == ["`sia --file x.sia` shows it again."]


def test_without_an_accepted_candidate_it_says_so() -> None:
    assert outcome("r", State(), "running")[0] == "r is running; no candidate is accepted yet."
