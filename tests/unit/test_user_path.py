"""A path as a user writes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.user_path import expanded


@pytest.mark.parametrize("text", ["~/a", Path("~/a")])
def test_a_tilde_is_the_home(text: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert expanded(text) == Path("/somewhere/a")


@pytest.mark.parametrize("text", ["a/~", "/b", "~no-such-user/a"])
def test_anything_else_stays_as_it_is(text: str) -> None:
    assert str(expanded(text)) == text
