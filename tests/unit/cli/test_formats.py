"""Scores as text: four decimals, and never digits that hide what a score is."""

from __future__ import annotations

import pytest

from sia_tui.app.rows.units import format_score
from sia_tui.cli import formats


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0000"),
        (-1e-9, "-1e-09"),
        (1.234567e-7, "1.235e-07"),
        (0.000123, "0.000123"),
        (0.000451, "0.000451"),
        (0.0005, "0.0005"),
        (0.91667, "0.9167"),
        (-3.0, "-3.0000"),
        (1234567.0, "1234567.0000"),
        (1e100, "1e+100"),
    ],
)
def test_a_small_score_and_a_large_one_are_told_from_others(value: float, text: str) -> None:
    assert formats.decimal(value) == formats.number(value) == format_score(value) == text
    assert formats.score({"score": value, "se": abs(value), "n": 2}) == f"{text} ± {text.removeprefix('-')}"


def test_a_difference_has_a_sign() -> None:
    assert [formats.decimal(one, "+") for one in (0.25, 2e-6, -2e-6, 0.0)] == ["+0.2500", "+2e-06", "-2e-06", "+0.0000"]


@pytest.mark.parametrize(
    ("value", "says"), [(0.25, "0.25"), (999.94, "999.9"), (18913, "18,913"), (1_000_000, "1,000,000"), (0, "0")]
)
def test_a_part_of_a_budget_is_never_in_powers_of_ten(value: float, says: str) -> None:
    assert formats.amount(value) == says
