"""The reply that an agent's model is giving is seen by whole words, without keys, and only while it arrives."""

from __future__ import annotations

import pytest

from engine.models.live_text import KEPT, LiveText, Spoken


def test_each_attempt_begins_anew_and_nothing_is_left_at_the_end() -> None:
    live, seen = LiveText(), list[str]()
    live.watch = lambda: seen.append(live.now.end if live.now else "none")
    assert live.now is None
    with live.of("feedback") as listen:
        assert live.now is None, "nothing has been asked"
        listen()("a first try ")
        hear = listen()
        hear("the ")
        hear("second")
        assert live.now == Spoken("feedback", 10, "the ")
        hear(" one")
    assert live.now is None
    assert seen == ["a first try ", "the ", "the ", "the second "]


def test_a_reply_that_fails_is_seen_no_more() -> None:
    live = LiveText()
    with pytest.raises(ValueError, match="broken"), live.of("meta") as listen:
        listen()("so far ")
        raise ValueError("broken")
    assert live.now is None


def test_a_key_is_never_seen_however_it_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-0123456789abcdef"
    monkeypatch.setenv("SOME_API_KEY", key)
    live, seen = LiveText(), list[str]()
    live.watch = lambda: seen.append(live.now.end if live.now else "")
    with live.of("meta") as listen:
        hear = listen()
        for letter in f"the key is {key} of course ":
            hear(letter)
    assert seen[-1] == "the key is [SOME_API_KEY] of course "
    assert not [one for one in seen if "sk-0" in one]


def test_only_the_end_of_a_long_reply_is_kept() -> None:
    live = LiveText()
    with live.of("meta") as listen:
        hear = listen()
        for _ in range(1000):
            hear("ten letter")
        hear(" and the\nend ")
        assert live.now is not None
        assert live.now.characters == 10_000 + len(" and the\nend ")
        assert len(live.now.end) == KEPT
        assert live.now.tail(13) == "… and the end"
        assert live.now.tail(8) == "…the end"
