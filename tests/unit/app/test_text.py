"""Text that is folded: indentation stays, nothing is lost, and a row copies all that it stands for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.text import MAX_LINE, fold, wrap


def texts(rows: list[object]) -> list[str]:
    return [one.text for one in rows]  # type: ignore[attr-defined]


def test_folded_code_keeps_its_indentation() -> None:
    line = "        self.weights = numpy.concatenate([first_part, second_part])"
    rows = wrap(line, 40)
    assert texts(rows) == [
        "        self.weights =",
        "        numpy.concatenate([first_part,",
        "        second_part])",
    ]
    assert {one.copy for one in rows} == {line}
    assert texts(wrap("\tif a:\n\t\treturn b", 40)) == ["    if a:", "        return b"]


@given(
    st.text(alphabet="ab 盗\t\x1b", max_size=200),
    st.integers(8, 60),
)
def test_folding_loses_only_blanks_and_fits(text: str, width: int) -> None:
    rows = wrap(text, width)
    assert all(cell_len(one.text) <= width for one in rows)
    whole = "".join(texts(wrap(text, 10_000)))
    assert "".join(texts(rows)).replace(" ", "") == whole.replace(" ", "")


def test_an_indentation_wider_than_the_screen_leaves_room_for_the_text() -> None:
    assert [line.lstrip() for line in texts(wrap(" " * 90 + "abcdef ghi", 16))] == ["abcdef", "ghi"]


@pytest.mark.parametrize("text", ["\n".join(f"line {n}" for n in range(50)), "word " * 500])
def test_what_is_cut_copies_whole(text: str) -> None:
    rows = wrap(text, 40, limit=5)
    assert len(rows) == 6
    assert rows[-1].text.startswith(f"… {len(text):,} characters in all")
    assert rows[-1].copy == text


def test_a_line_that_is_cut_copies_whole() -> None:
    line = "x" * (MAX_LINE + 1)
    rows = wrap(line, 100)
    assert {one.copy for one in rows} == {line}
    assert "(4,001 characters)" in "".join(texts(rows))


def test_tones_stay_with_their_text() -> None:
    rows = fold([("  return ", "accent"), ("something_long", "good")], 16)
    assert [one.spans for one in rows] == [(("  return", "accent"),), (("  something_long", "good"),)]


def test_a_folded_line_of_a_diff_stands_below_its_text() -> None:
    diff = "diff --git a/x.py b/x.py\n@@ -1 +1 @@\n+    answer = compute(first, second)\n"
    rows = diff_rows(diff, 24)
    assert "+    answer =" in texts(rows) and "     compute(first," in texts(rows)
    copies = {one.copy for one in rows if "compute" in one.text}
    assert copies == {"    answer = compute(first, second)"}
