"""Two harnesses are alike where only comments and layout differ."""

from __future__ import annotations

import pytest

from harness_repo.likeness import are_alike


@pytest.mark.parametrize(
    ("path", "one", "other", "alike"),
    [
        ("agent.py", "def solve(a, b):\n    return 1\n", "# new\ndef solve( a,b ):\n\n    return 1  # one\n", True),
        ("agent.py", "def solve(a, b):\n    return 1\n", "def solve(a, b):\n    return 2\n", False),
        ("agent.py", "x = 'a b'\n", "x = 'a  b'\n", False),
        ("agent.py", "def solve(:", "def solve( :", False),
        ("agent.py", "x = 1\n", "x = 1.0\n", False),
        ("params.toml", "a = 1\nb = 'x'\n", '# as before\nb = "x"\na = 1\n', True),
        ("params.toml", "a = 1\n", "a = true\n", False),
        ("shots.json", '{"a": [1, 2]}', '{ "a" : [1,2] }', True),
        ("shots.json", '{"a": [1, 2]}', '{"a": [2, 1]}', False),
        ("prompts/main.md", "Say  it.\n\nNow.", "Say it.\nNow.\n", True),
        ("prompts/main.md", "Say it.", "Say it!", False),
        ("bytes.bin", "\ud800", "\ud800 ", False),
    ],
)
def test_what_makes_two_files_differ(path: str, one: str, other: str, alike: bool) -> None:
    first, second = ({path: text.encode("utf-8", "surrogatepass")} for text in (one, other))
    assert are_alike(first, second) is alike
    assert are_alike(second, first) is alike
    assert are_alike(first, first)


def test_another_file_makes_another_harness() -> None:
    assert not are_alike({"a.py": b""}, {"a.py": b"", "b.md": b""})
    assert not are_alike({"a.py": b"x = 1"}, {"b.py": b"x = 1"})
