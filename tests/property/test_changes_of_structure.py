"""Over many small programs each change of structure parses, changes one thing, stays within the marks, and is told."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness_repo.marks import END, START
from harness_repo.structure.changes import changed, changes, meaning

CORPUS = {
    "packing": """import numpy as np


def centres(n):
    points = np.zeros((n, 2))
    # a ring
    for i in range(n):
        angle = 2 * np.pi * i / n  # evenly
        points[i] = [0.5 + 0.3 * np.cos(angle), 0.5 + 0.3 * np.sin(angle)]
    points = np.clip(points, 0.01, 0.99)
    return points


def radius(points: np.ndarray, near: float = 1.0) -> float:
    best = 0.0
    for one in points:
        x, y = one
        if min(x, y, 1 - x, 1 - y) > best and near:
            best = min(x, y)
    return best
""",
    "graph": '''"""Shortest ways."""
from collections import deque
from math import sqrt, cbrt


def walk(edges, start):
    """The order in which places are met."""
    seen = {start}
    waiting = deque([start])
    met = []
    while waiting:
        place = waiting.popleft()
        met.append(place)
        for other in sorted(edges[place], key=lambda one: -one):
            if other not in seen and not (other < 0 or other == 99):
                seen.add(other)
                waiting.append(other)
    return met


def length(way):
    total = 0
    for a, b in zip(way, way[1:]):
        total += sqrt(abs(a - b)); total -= 0
    return total if total >= 1 else -1
''',
    "words": """import random, statistics
def score(words, seed=3):
    random.seed(seed)
    counts = {}
    for word in words:
        if len(word) < 3: continue
        counts[word] = counts.get(word, 0) + 1
    ranked = sorted((count, word) for word, count in counts.items())
    ranked.sort(reverse=True)
    middle = statistics.mean([count for count, word in ranked if count > 1] or [0])
    if middle > 2 and len(ranked) % 2 == 0:
        raise ValueError(f"{middle:.2f} of {len(ranked) + 1}")
    elif not ranked:
        return None
    text = "Grüße" + str(middle)
    return [word.strip().lower() for _, word in ranked[:5]], text

class Holder:
    size = 3
    def put(self, *things, **named):
        self.things = list(things)
        self.size = max(len(self.things), 1)
        try:
            self.first = things[0]
        except IndexError:
            self.first = None
        finally:
            self.done = True
        return self

if __name__ == "__main__":
    print(score(["a" * 4]))
""",
}
MARKED = {
    name: text.replace("\ndef ", f"\n# {START}\ndef ", 1) + f"# {END}\nLAST = max(1, 2) + len([3])\n"
    for name, text in CORPUS.items()
}
WHICH = re.compile(r"^lines? (\d+)(?: (?:and|to) (\d+))?(?: and lines? (\d+)(?: to (\d+))?)?")
LINES = st.sampled_from(
    [
        "a = max(xs)", "b = a + 1", "xs.sort()", "a, b = b, a", "del a", "if a < b and b: a = 2", "a += sum(xs) * 0.5",
        "while a < 9:\n        a += 1", "for x in xs:\n        if x: break\n        a -= x",
        "return a", "return min(a, b)",
        "with open(a) as f:\n        b = f.read()", "pass", "assert a", "b = [x for x in xs if x > 1]", "b = (yield)",
        "xs = sorted(xs, reverse=False)", "b = a if xs else -1", "b = not a", "b = a is None or a in xs",
        "b = (a\n         - 2)", "b = min(\n        a,\n        3,\n    )", "c = lambda x, y=2: x / y", "b = -a ** 2",
    ]
)  # fmt: skip
PROGRAMS = st.lists(LINES, min_size=1, max_size=6).map(
    lambda lines: "def f(xs, a=1, b=2):\n    " + "\n    ".join(lines) + "\n\n\ndef g():\n    return f([1])\n"
)


def check(source: str, *, numbers: bool) -> int:
    found = changes(source, numbers=numbers)
    for why in found:
        new = changed(source, why, numbers=numbers)  # raises for what does not parse
        assert new == changed(source, why, numbers=numbers) != source
        assert defined(new) == defined(source), why
        assert outside(new) == outside(source), why
        only_there(source, new, why)
    return len(found)


def defined(source: str) -> list[str]:
    """What others may call or use: functions, classes, methods, and names that are imported."""
    kinds = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    return sorted(
        ast.unparse(one).split("\n")[0] if isinstance(one, ast.Import | ast.ImportFrom) else one.name
        for one in ast.walk(ast.parse(source))
        if isinstance(one, kinds)
    )


def outside(source: str) -> list[str]:
    """The lines outside the marks, and the marks; none without marks."""
    lines = source.splitlines()
    first = [n for n, line in enumerate(lines) if START in line]
    last = [n for n, line in enumerate(lines) if END in line]
    return lines[: first[0] + 1] + lines[last[0] :] if first else []


def only_there(source: str, new: str, why: str) -> None:
    """Nothing but the lines that the sentence names is other, and what it quotes stands there."""
    named = WHICH.match(why)
    assert named, why
    numbers = [int(one) for one in named.groups() if one]
    low, high = min(numbers), max(numbers)
    high = max(high, end_of(source, low))
    old_lines, new_lines = source.splitlines(), new.splitlines()
    assert new_lines[: low - 1] == old_lines[: low - 1], why
    assert old_lines[high:] == new_lines[len(new_lines) - len(old_lines[high:]) :], why
    there = " ".join("\n".join(old_lines[low - 1 : high]).split())
    # an early return quotes the line that it comes before; all others what was there
    quoted = re.findall(r"`([^`]*)`", why)[1 if "comes early" in why else 0].removesuffix("…").rstrip()
    assert quoted.removeprefix(".").removesuffix("()") in there, (why, there)


def end_of(source: str, line: int) -> int:
    """The last line of what begins in or goes on in that line, by its smallest statement."""
    spans = [
        (one.lineno, one.end_lineno or one.lineno)
        for one in ast.walk(ast.parse(source))
        if isinstance(one, ast.expr | ast.stmt) and one.lineno == line
    ]
    return max((last for _, last in spans), default=line)


@pytest.mark.parametrize("numbers", [False, True])
@pytest.mark.parametrize(
    "source", [*CORPUS.values(), *MARKED.values()], ids=[*CORPUS, *(f"{n} marked" for n in MARKED)]
)
def test_each_change_of_a_program_keeps_its_promises(source: str, numbers: bool) -> None:
    assert check(source, numbers=numbers) > 20


@given(PROGRAMS, st.booleans())
@settings(max_examples=40, deadline=None)
def test_each_change_of_any_small_program_keeps_its_promises(source: str, numbers: bool) -> None:
    if meaning(source):
        check(source, numbers=numbers)


def test_all_kinds_of_change_occur_and_each_under_a_sentence_of_its_own() -> None:
    kinds = {one.kind for source in CORPUS.values() for one in changes(source, numbers=True).values()}
    assert kinds == {
        "function", "comparison", "logic", "operator", "operand", "condition", "bounds", "order", "container",
        "number", "sign", "arguments", "wrap", "swap", "drop", "return",
    }  # fmt: skip
