"""Searching rows: in any case, across spans, and across the folds of a line."""

from __future__ import annotations

from sia_tui.app.rows.found import marked, matching
from sia_tui.app.rows.row import row
from sia_tui.app.rows.text import wrap


def test_matches_in_any_case_and_without_a_pattern_language() -> None:
    rows = [row("A.b"), row("axb"), row("x ", ("a.", "dim"), "B")]
    assert matching(rows, "a.b") == [0, 2]


def test_a_phrase_that_folding_parted_is_found_once() -> None:
    rows = wrap("one two three four five six", 10)
    whole = [index for index in range(len(rows) - 1) if rows[index].text.split()[-1] == "two"]
    assert matching(rows, "two three") == whole or len(matching(rows, "two three")) == 1
    assert len(matching(rows, "four five")) == 1


def test_a_match_is_marked_across_spans() -> None:
    assert marked([("ab", "dim"), ("cd", "good"), ("e", "")], "bc") == [
        ("a", "dim"),
        ("b", "match"),
        ("c", "match"),
        ("d", "good"),
        ("e", ""),
    ]
    assert marked([("aXa", "")], "A") == [("a", "match"), ("X", ""), ("a", "match")]
