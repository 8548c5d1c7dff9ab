"""What a user is told to do about a domain that fails, or that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.grading.loader import find
from tests.story import TOY


@pytest.mark.parametrize(
    ("reference", "data", "remedy"), [("denoising", Path("a.h5ad"), "check a.h5ad"), ("toy", None, "report it")]
)
def test_nobody_is_told_to_correct_code_that_comes_with_sia(reference: str, data: Path | None, remedy: str) -> None:
    assert find(reference).remedy(data).startswith(remedy)


def test_the_owner_of_a_domain_is_told_to_correct_it() -> None:
    assert find(str(TOY)).remedy(None) == "correct its domain.py"


def test_the_home_of_nobody_holds_no_domain() -> None:
    with pytest.raises(SiaError, match="there is no domain '~no-such-user/task'"):
        find("~no-such-user/task")
