"""One is never many: where a text puts a number before a noun, `plural` chooses the noun's form."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.plain import plural

ROOT = Path(__file__).parents[2]
APART = ("engine/sandbox/inside/", "engine/core/decide.py", "engine/core/gate.py")
"""What runs in a sandbox, and imports nothing of ours; what a replay recomputes word for word."""
MODULES = [
    path
    for name in ("sia_tui", "engine", "harness_repo")
    for path in (ROOT / name).rglob("*.py")
    if not str(path.relative_to(ROOT)).startswith(APART)
]
NOUNS = {
    "arguments", "candidates", "cases", "days", "decisions", "events", "executions", "files", "folders", "groups",
    "hours", "letters", "levels", "lines", "measurements", "numbers", "packages", "processes", "programs",
    "questions", "solves", "subsets", "timings", "units", "words", "workers",
}  # fmt: skip
"""Nouns that may follow a number, beside those that `plural` is called with."""
ALSO_VERBS = {"answers", "calls", "looks", "needs", "runs", "scores", "uses"}
_FOLLOWS = re.compile(r"\s(?:(?:more|new|other|own|further|fresh|failed|such) )*([a-z]+)\b")


def called_with(tree: ast.AST) -> set[str]:
    """The plurals of the nouns that `plural` is called with."""
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and name_of(one.func) == "plural"]
    nouns = [one.args[1].value for one in calls if len(one.args) > 1 and isinstance(one.args[1], ast.Constant)]
    return {plural(2, str(noun)).split()[-1] for noun in nouns}


def name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def numbers_before(tree: ast.AST, nouns: set[str]) -> Iterator[tuple[int, str]]:
    """The lines of texts that put a value before a noun that is many, and what follows the value."""
    for text in ast.walk(tree):
        if not isinstance(text, ast.JoinedStr):
            continue
        for value, after in zip(text.values, text.values[1:], strict=False):
            if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                continue
            found = _FOLLOWS.match(str(after.value))
            if found and found[1] in nouns and not name_of(value.value).isupper():
                yield value.lineno, str(after.value)


def test_no_text_puts_a_number_before_a_noun_that_is_many() -> None:
    trees = {path: ast.parse(path.read_text()) for path in MODULES}
    nouns = NOUNS.union(*map(called_with, trees.values())) - ALSO_VERBS
    found = [
        f"{path.relative_to(ROOT)}:{line}: {{…}}{text}"
        for path, tree in trees.items()
        for line, text in numbers_before(tree, nouns)
    ]
    assert len(nouns) > 40
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("text", "noticed"),
    [
        ('f"{n} events"', True),
        ('f"{len(x):,} more events in all"', True),
        ('f"of {n} events"', True),
        ('f"{MOST} events"', False),
        ('f"{name} holds events"', False),
        ("f\"{plural(n, 'event')} in all\"", False),
    ],
)
def test_such_a_text_is_noticed(text: str, noticed: bool) -> None:
    assert bool(list(numbers_before(ast.parse(text), {"events"}))) is noticed


@pytest.mark.parametrize(
    ("count", "noun", "text"),
    [
        (0, "event", "0 events"),
        (1, "event", "1 event"),
        (2, "new event", "2 new events"),
        (1200, "event", "1,200 events"),
        (1.0, "minute", "1 minute"),
        (0.5, "minute", "0.5 minutes"),
        (1, "reply", "1 reply"),
        (2, "reply", "2 replies"),
        (2, "process", "2 processes"),
        (3, "day", "3 days"),
    ],
)
def test_a_noun_stands_in_the_form_of_its_number(count: float, noun: str, text: str) -> None:
    assert plural(count, noun) == text
