"""A name given to a run means no other run in any command."""

from __future__ import annotations

import msgspec
import pytest

from engine.events.reader import RunRow

ROW = msgspec.convert(
    dict.fromkeys(RunRow.__struct_fields__, 0)
    | dict.fromkeys(("domain", "root", "status", "head_hash"), "")
    | {"parent": None, "parent_n": None, "best": None, "run": "5ff2cf4b9a7d41f0", "name": "times7-1"},
    RunRow,
)


@pytest.mark.parametrize("name", ["times7-1", "5ff2cf4b", "5ff2cf4b9a", "5ff2cf4b9a7d41f0"])
def test_the_name_and_the_id_that_lists_show_are_taken(name: str) -> None:
    """A run named as another's id was what `sia rm ID` removed in its place."""
    assert ROW.goes_by(name)


@pytest.mark.parametrize("name", ["times7", "times7-11", "5", "5ff2cf4", "5ff2cf4c", ""])
def test_what_lists_do_not_show_is_free(name: str) -> None:
    assert not ROW.goes_by(name)
