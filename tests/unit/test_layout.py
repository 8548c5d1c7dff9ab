"""The code stays readable: no folder of the product with too many modules, no module too long."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = [path for name in ("sia_tui", "engine", "harness_repo", "domains") for path in (ROOT / name).rglob("*.py")]
MOST_MODULES, MOST_LINES = 15, 400


def test_no_folder_has_more_than_fifteen_modules() -> None:
    counts = Counter(path.parent.relative_to(ROOT) for path in MODULES if path.name != "__init__.py")
    assert len(counts) > 50
    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_module_has_more_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_two_decisions_share_a_number() -> None:
    numbers = Counter(path.name[:4] for path in (ROOT / "docs" / "decisions").glob("*.md"))
    assert len(numbers) > 40
    assert [number for number, count in numbers.items() if count > 1] == []
