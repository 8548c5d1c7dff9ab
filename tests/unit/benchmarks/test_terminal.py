"""The measurement of the app: what it prints on a short run, and what its terminal sees."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks import terminal
from benchmarks.pseudo_terminal import PseudoTerminal, Quiet
from benchmarks.synthetic import write


def test_a_bar_is_on_the_ratio_where_there_is_one() -> None:
    assert str(terminal.Row("a", "ms", 30.0, 10.0, 3)).endswith("holds")
    assert str(terminal.Row("a", "ms", 31.0, 10.0, 3)).endswith("BROKEN")
    assert str(terminal.Row("a", "MB", 301.0, bar=300)).endswith("BROKEN")


def test_a_reply_is_timed_and_its_absence_is_told() -> None:
    with PseudoTerminal([sys.executable, "-c", "input(); print('here')"]) as shown:
        at = shown.press("\n")
        assert 0 < shown.until(lambda now: "here" in now.text) - at < 30
        with pytest.raises(Quiet, match=r"not shown within 0.01 s:\n\s+here"):
            shown.until(lambda now: "nothing" in now.text, timeout=0.01)


@pytest.mark.slow
def test_every_promise_has_its_row(tmp_path: Path) -> None:
    write(tmp_path, 5000)
    rows = [row.what for row in terminal.measure(tmp_path, rounds=1)]
    for word in ("first paint", "cursor", "to the end", "filter", "memory", "idle", "events a second"):
        assert any(word in row for row in rows), word
