"""A search: every match, in order, as it is found; goes on with what is appended, and ends when it is cancelled."""

from __future__ import annotations

import contextlib

import msgspec
import pytest

from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.storage import blobs
from sia_tui.app.model import event_search
from sia_tui.app.model.event_filter import parse_filter
from sia_tui.app.model.event_search import EventSearch
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.run_cursor import RunCursor


@pytest.fixture
def cursor(navigator: Navigator, monkeypatch: pytest.MonkeyPatch) -> RunCursor:
    monkeypatch.setattr(event_search, "CHUNK", 10)
    assert navigator.cursor is not None
    return navigator.cursor


def search(cursor: RunCursor, text: str = "type:run") -> EventSearch:
    return EventSearch(cursor.source, cursor.run_id, parse_filter(text), cursor.head)


def test_matches_are_there_after_each_chunk(cursor: RunCursor) -> None:
    found = search(cursor, "type:instance")
    progress: list[tuple[float, int]] = []
    found.run(lambda: progress.append((found.progress, len(found.matches(cursor.head)))))
    assert len(progress) == -(-cursor.head // 10)
    assert progress == sorted(progress)
    assert found.done
    results = [e.n for e in cursor.source.reader.history(cursor.run_id) if e.type == t.InstanceFinished.type]
    assert list(found.matches(cursor.head)) == results
    assert list(found.matches(results[2])) == results[:3]


def test_what_is_appended_is_searched_once_it_is_known(cursor: RunCursor) -> None:
    found = search(cursor)
    assert not found.extend(cursor.head + 1), "it is running"
    found = search(cursor)
    found.run(lambda: None)
    before = list(found.matches(cursor.head))
    assert not found.extend(cursor.head), "there is nothing to search"
    with contextlib.closing(RunLog.hold(cursor.source.path.parent, "r1")) as log:
        log.append([(3, t.RunNoted("a note"))])
    cursor.catch_up()
    assert found.extend(cursor.head)
    assert not found.extend(cursor.head), "it is running"
    found.run(lambda: None)
    assert list(found.matches(cursor.head)) == [*before, cursor.head]


@pytest.mark.parametrize("text", ["score<abc", "score<", "-score=half", "gen:x"])
def test_a_comparison_with_no_number_is_refused_and_not_looked_for_as_a_word(text: str) -> None:
    with pytest.raises(SiaError, match="is not a number"):
        parse_filter(text)


def test_a_score_that_is_no_number_is_refused_with_one_that_is() -> None:
    with pytest.raises(SiaError) as refused:
        parse_filter("score<=abc")
    assert str(refused.value) == "the score in 'score<=abc' is not a number; write one, for example score<=0.5"


def test_a_kind_of_failure_that_there_is_not_is_refused() -> None:
    with pytest.raises(SiaError, match="'nonsense' is not a kind of failure; choose candidate, timeout"):
        parse_filter("failed:nonsense")
    assert parse_filter("failed:timeout").parameters == ("timeout",)


def test_a_cancelled_search_ends_after_its_chunk(cursor: RunCursor) -> None:
    found = search(cursor)
    found.run(found.cancel)
    assert (found.done, found.progress) == (False, 10 / cursor.head)


def test_a_search_that_failed_can_be_started_again(cursor: RunCursor) -> None:
    found = search(cursor)

    def fail() -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        found.run(fail)
    assert found.extend(cursor.head)


CONTENTS = {
    "log": b"Traceback (most recent call last)\nKeyError: x",
    "request": b'{"messages":[{"text":"a \\"Plan\\" please"}]}',
    "reply": b'{"text":"the Answer"}',
}


@pytest.fixture
def calls(cursor: RunCursor) -> RunCursor:
    """The run, then a result with a log, a call of a model, and two events that name contents which are not there."""
    request, reply = (blobs.digest(CONTENTS[name]) for name in ("request", "reply"))
    first = t.InstanceFinished(
        "h", "val", "val-0", 9, 1, "p", 0.0, "sha256:" + "0" * 64, log=blobs.digest(CONTENTS["log"])
    )
    lost = msgspec.structs.replace(first, log="1" * 64, repeat=8)
    called = t.ModelCalled("task", "w", "val/val-0/0", 1, request, reply, "stop", prompt="2" * 64)
    with contextlib.closing(RunLog.hold(cursor.source.path.parent, "r1")) as log:
        log.append([(3, one) for one in (first, lost, called)], contents=[*CONTENTS.values()])
    cursor.catch_up()
    return cursor


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("traceback", [-2]),
        ("log:keyerror", [-2]),
        ("log:keyerror type:model", []),
        ("type:instance n:40- -keyerror", [-1]),
        ('"\\"plan\\" please"', [0]),
        ("prompt:plan", [0]),
        ("reply:plan", []),
        ("reply:answer prompt:plan", [0]),
        ("reply:keyerror", []),
        ("log:answer", []),
    ],
)
def test_words_are_found_in_logs_prompts_and_replies(
    calls: RunCursor, monkeypatch: pytest.MonkeyPatch, text: str, wanted: list[int]
) -> None:
    monkeypatch.setattr(event_search, "CONTENTS_CHUNK", 10)
    found = search(calls, text.replace("n:40-", f"n:{calls.head - 2}-"))
    found.run(lambda: None)
    assert list(found.matches(calls.head)) == [calls.head + offset for offset in wanted]
