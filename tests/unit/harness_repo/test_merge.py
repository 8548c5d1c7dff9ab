"""Two versions made from a third are merged where they changed different lines, files or values."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness_repo.merge import merge
from harness_repo.repository import GitMissing

AGENT = b"def solve(instance, ctx):\n    first = 1\n    a = 0\n    b = 0\n    c = 0\n    second = 1\n    return first\n"
MANIFEST = b'name = "x"\n[tunables.p]\ntype = "int"\nlow = 0\nhigh = 9\n[tunables.q]\ntype = "int"\nlow = 0\nhigh = 9\n'
BASE = {"harness.toml": MANIFEST, "params.toml": b"p = 1\nq = 1\n", "agent.py": AGENT, "note.md": b"plain\n"}


def changed(**files: bytes | None) -> dict[str, bytes]:
    made: Mapping[str, bytes | None] = {**BASE, **{name.replace("_", "."): text for name, text in files.items()}}
    return {path: content for path, content in made.items() if content is not None}


def test_different_lines_files_and_values_are_merged() -> None:
    one = changed(agent_py=AGENT.replace(b"first = 1", b"first = 2"), params_toml=b"p = 5\nq = 1\n", note_md=None)
    other = changed(agent_py=AGENT.replace(b"second = 1", b"second = 2"), params_toml=b"p = 1\nq = 7\n", new_md=b"n")
    found = merge(BASE, one, other)
    assert found is not None
    assert found.files["agent.py"] == AGENT.replace(b"first = 1", b"first = 2").replace(b"second = 1", b"second = 2")
    assert found.params == {"p": 5, "q": 7}
    assert set(found.files) == {"harness.toml", "params.toml", "agent.py", "new.md"}
    again = merge(BASE, other, one)
    assert again is not None
    assert again.files == found.files


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (changed(agent_py=AGENT.replace(b"a = 0", b"a = 1")), changed(agent_py=AGENT.replace(b"a = 0", b"a = 2"))),
        (changed(params_toml=b"p = 2\nq = 1\n"), changed(params_toml=b"p = 3\nq = 1\n")),
        (changed(note_md=None), changed(note_md=b"rich\n")),
        (changed(new_md=b"1"), changed(new_md=b"2")),
        (changed(note_md=b"\x00\x01"), changed(note_md=b"\x00\x02")),
        (changed(harness_toml=b'name = "x"\nentry = "agent.py"\n'), changed(agent_py=None)),
    ],
)
def test_a_conflict_gives_no_merge_and_so_does_what_is_no_harness(
    one: dict[str, bytes], other: dict[str, bytes]
) -> None:
    assert merge(BASE, one, other) is None


@given(st.sampled_from([b"first = 1", b"a = 0", b"b = 0", b"second = 1"]), st.integers(0, 9))
def test_a_merge_with_what_did_not_change_is_the_change(line: bytes, value: int) -> None:
    one = changed(agent_py=AGENT.replace(line, b"z = 9"), params_toml=b"p = %d\nq = 1\n" % value)
    for found in (merge(BASE, one, BASE), merge(BASE, BASE, one), merge(BASE, one, one)):
        assert found is not None
        assert found.files["agent.py"] == one["agent.py"]
        assert found.params == {"p": value, "q": 1}


def test_without_git_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    one, other = (changed(agent_py=AGENT.replace(old, b"z = 9")) for old in (b"first = 1", b"second = 1"))
    with pytest.raises(GitMissing):
        merge(BASE, one, other)
