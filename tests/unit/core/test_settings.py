"""Names and numbers that a run cannot have are refused in a sentence that says what is wrong with them."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.core.settings import MAX_NAME, MOST, MOST_WORKERS, check_form, check_name, check_numbers, check_workers
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from tests.histories import Play, settings, started

NAMES = {
    "last": "stands for one",
    "recorded": "stands for one",
    "x.": "git refuses it",
    "x.lock": "git refuses it",
    "a..b": "git refuses it",
    "-x": "begin with a letter or digit",
    "Ä": "small letters",
    "two words": "small letters",
    "": "small letters",
    "x\n": "small letters",
    "a" * (MAX_NAME + 1): f"{MAX_NAME + 1} letters",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_refused_by_the_rule_that_it_breaks(name: str) -> None:
    with pytest.raises(SiaError) as refused:
        check_name(name)
    assert NAMES[name] in str(refused.value)


@pytest.mark.parametrize("name", ["last-1", "lastly", "a" * MAX_NAME, "9", "a.b-c_d"])
def test_other_names_are_taken(name: str) -> None:
    check_name(name)


def test_a_run_that_an_earlier_release_called_last_gets_another_name(tmp_path: Path) -> None:
    check_form("last")  # what an import asks for
    for run, name in (("r1", "last"), ("r2", "precious")):
        with contextlib.closing(RunLog.hold(tmp_path, run)) as log:
            Play(log, replace(started(settings(agent="search")), name=name)).to_rest()
    with contextlib.closing(Reader.open(tmp_path / "events.db")) as reader:
        assert [run.name for run in reader.runs()] == ["last-r1", "precious"]
        assert reader.find("last").run == "r2"


@pytest.mark.parametrize("cap", [math.nan, math.inf, -math.inf, 0.0, -1.0])
@pytest.mark.parametrize("name", ["usd", "minutes"])
def test_a_budget_is_a_number_greater_than_0(name: str, cap: float) -> None:
    with pytest.raises(SiaError, match="not a number greater than 0"):
        check_numbers(replace(settings(agent="search"), budget=replace(t.Budget(), **{name: cap})))


@pytest.mark.parametrize("count", [0, -1, MOST + 1, 10**30])
@pytest.mark.parametrize("name", ["generations", "probes"])
def test_counts_have_bounds(name: str, count: int) -> None:
    with pytest.raises(SiaError, match=f"has 1 to {MOST}"):
        check_numbers(replace(settings(agent="search"), **{name: count}))


@pytest.mark.parametrize("workers", [0, -1, MOST_WORKERS + 1, 10**30])
def test_workers_have_bounds(workers: int) -> None:
    with pytest.raises(SiaError, match=f"not 1 to {MOST_WORKERS}"):
        check_workers(workers)
