"""The colours of code: nothing of the text is lost or changed, and folding keeps the colours."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sia_tui.app.rows.code import MAX_CHARACTERS, Language, code_lines, code_rows, language_in, language_of

CODE = '''@cached
def solve(case):
    """Two
    lines."""
    return len("x") + 1.5  # a guess
'''
PROMPT = "# Task\n\nSay **yes** to `x`:\n```python\nreturn 1\n```\n"
TOML = 'name = "a"  # why\n[limits]\nseconds = 5\nopen = true\n'
JSON = '{"score": 0.5, "names": ["a", null]}'


def tones(text: str, language: Language) -> dict[str, str]:
    return {part: tone for line in code_lines(text, language) for part, tone in line if part.strip()}


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (CODE, "python", {"def": "keyword", "solve": "name", "1.5": "number", "# a guess": "comment"}),
        (PROMPT, "markdown", {"# Task": "title", "**yes**": "strong", "`x`": "string"}),
        (TOML, "toml", {"5": "number", "# why": "comment", "true": "number"}),
        (JSON, "json", {'"score"': "name", "0.5": "number", "null": "number", '"a"': "string"}),
    ],
)
def test_each_language_has_its_colours(text: str, language: Language, expected: dict[str, str]) -> None:
    assert expected.items() <= tones(text, language).items()


def test_a_string_of_several_lines_has_one_colour() -> None:
    assert tones(CODE, "python")['    lines."""'] == "string"


@given(st.text(max_size=300), st.sampled_from(get_args(Language)))
def test_no_text_is_changed(text: str, language: Language) -> None:
    assert "\n".join("".join(part for part, _ in line) for line in code_lines(text, language)) == text


def test_a_text_that_is_too_long_is_drawn_in_one_colour() -> None:
    text = "x = 1\n" * MAX_CHARACTERS
    rows = code_rows(text, 80, "python", limit=10)
    assert {tone for one in rows[:10] for _, tone in one.spans} == {"code"}
    assert rows[-1].copy == text


def test_the_language_follows_from_the_name_or_the_beginning() -> None:
    assert [language_of(path) for path in ("a/b.py", "harness.toml", "x.JSON", "NOTES.md", "data.csv", "py")] == [
        "python", "toml", "json", "markdown", "", "",
    ]  # fmt: skip
    assert [language_in(text) for text in (' {"a": 1}', "[1]", "Traceback", "")] == ["json", "json", "", ""]


def test_the_app_starts_without_the_lexers() -> None:
    script = "import sys, sia_tui.app.app; assert not [x for x in sys.modules if x.startswith('pygments.lexers.')]"
    subprocess.run([sys.executable, "-c", script], check=True)
