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


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("minimum_effect = nan", "minimum_effect"),
        ("minimum_effect = inf", "minimum_effect"),
        ("minimum_effect = 1e400", "minimum_effect"),
        ("train_sample = -5", "train_sample"),
        ("probe_fold = -1", "probe_fold"),
        ("repeats = 0", "repeats"),
        ("failure_score = nan", "failure_score"),
        ("grade_wall_s = nan", "grade_wall_s"),
        ("grade_wall_s = 0", "grade_wall_s"),
        ("limits.cpu_s = nan", r"limits\.cpu_s"),
        ("limits.wall_s = -1", r"limits\.wall_s"),
        ("limits.memory_mb = 0", r"limits\.memory_mb"),
        (f"limits.answer_kb = {10**40}", r"limits\.answer_kb"),
        (f"a = {'[' * 5000}", "recursion"),
    ],
    ids=lambda value: value[:24],
)
def test_a_number_that_no_run_bears_is_refused_in_domain_toml(line: str, says: str, tmp_path: Path) -> None:
    """NaN as a smallest gain accepted nothing and said nothing."""
    with pytest.raises(SiaError, match=f"domain.toml is not valid: .*{says}"):
        find(str(described(tmp_path, line)))


def test_a_byte_order_mark_in_domain_toml_is_no_part_of_it(tmp_path: Path) -> None:
    folder = described(tmp_path, "")
    (folder / "domain.toml").write_bytes(b"\xef\xbb\xbf" + (folder / "domain.toml").read_bytes())
    assert find(str(folder)).spec.name == "d"


def described(folder: Path, line: str) -> Path:
    """A folder whose domain.toml has this line in place of the one with the same key."""
    lines = {"name": "'d'", "title": "''", "metric": "''", "minimum_effect": "0.1", "train_sample": "1"}
    key, _, value = line.partition(" = ")
    lines |= {key: value} if line else {}
    (folder / "domain.toml").write_text("".join(f"{name} = {value}\n" for name, value in lines.items()))
    return folder
