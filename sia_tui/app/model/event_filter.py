"""The filter of the timeline: a small grammar, compiled to a condition that SQLite evaluates."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable
from typing import NamedTuple

from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event

_TEXT = "CAST(payload AS TEXT)"
_RESULT = "type = 'instance.finished'"
_SCORE = re.compile(r"score(<=|>=|<|>|=)(-?\d*\.?\d+)")
_RANGE = re.compile(r"(\d{1,18})?(-)?(\d{1,18})?")  # of 64 bits
_FLAGS = {
    "failed": f"{_RESULT} AND instr({_TEXT}, '\"failure\":{{') > 0",
    "refused": f"{_RESULT} AND instr({_TEXT}, '\"refused\":') > 0",
    "reused": f"instr({_TEXT}, '\"reused\":true') > 0",
}
TERMS = (
    ("word", 'the event\'s text contains it, in any case; "two words" as one'),
    ("type:gate", "the event's type, or a part of it, starts with this"),
    ("gen:3  gen:2-5", "of these generations"),
    ("n:100-200  n:900-", "by number"),
    ("split:val  id:17", "results on a split; on instances whose id starts with this"),
    ("score<0.5", "results by score; also <= > >= ="),
    ("failed  failed:timeout", "failed results; of one kind"),
    ("refused  reused", "results refused by the private check; reused from the lineage"),
    ("fixed  broken", "results that the gate found better, or worse, than the incumbent's"),
    ("-term", "not that"),
)
"""The terms and what they let through. An event must pass all terms of a filter."""
EXAMPLES = "for example: type:gate, gen:3, broken, failed:timeout, score<0.5, split:val, n:100-200, -type:probe, a word"


class EventFilter(NamedTuple):
    """A condition over the columns of `events`, with its parameters."""

    text: str
    condition: str
    parameters: tuple[str | int | float, ...]


def parse_filter(text: str, verdicts: Iterable[Event] = ()) -> EventFilter:
    """Compiles `text`; `verdicts` are the gate's events, for `fixed` and `broken`. Raises `SiaError`."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise SiaError("a quotation mark is not closed", EXAMPLES) from None
    verdicts = list(verdicts)
    conditions: list[str] = []
    parameters: list[str | int | float] = []
    for word in words:
        negated = word.startswith("-") and len(word) > 1
        condition, values = _term(word[1:] if negated else word, verdicts)
        conditions.append(f"NOT coalesce(({condition}), 0)" if negated else f"({condition})")
        parameters += values
    return EventFilter(text, " AND ".join(conditions) or "1", tuple(parameters))


def _term(word: str, verdicts: list[Event]) -> tuple[str, list[str | int | float]]:
    if comparison := _SCORE.fullmatch(word):
        return f"{_RESULT} AND json_extract({_TEXT}, '$.score') {comparison[1]} ?", [float(comparison[2])]
    if word in _FLAGS:
        return _FLAGS[word], []
    if word in ("fixed", "broken"):
        return _verdict_term(word, verdicts)
    key, colon, value = word.partition(":")
    match key if colon and value else "":
        case "type":
            return "(type LIKE ? OR type LIKE ?)", [f"{value}%", f"%.{value}%"]
        case "gen":
            return _range("generation", value)
        case "n":
            return _range("n", value)
        case "split":
            return f"{_RESULT} AND json_extract({_TEXT}, '$.split') = ?", [value]
        case "id":
            return f"{_RESULT} AND substr(json_extract({_TEXT}, '$.instance'), 1, ?) = ?", [len(value), value]
        case "failed":
            return f"{_RESULT} AND json_extract({_TEXT}, '$.failure.kind') = ?", [value]
        case _:
            return f"instr(lower({_TEXT}), ?) > 0", [json.dumps(word.lower(), ensure_ascii=False)[1:-1]]


def _range(column: str, value: str) -> tuple[str, list[str | int | float]]:
    match = _RANGE.fullmatch(value)
    if match is None or not (match[1] or match[3]):
        raise SiaError(f"{value!r} is not a number or a range", EXAMPLES)
    low = int(match[1] or 0)
    high = int(match[3]) if match[3] else (1 << 62 if match[2] else low)
    return f"{column} BETWEEN ? AND ?", [low, high]


def _verdict_term(word: str, verdicts: list[Event]) -> tuple[str, list[str | int | float]]:
    instances = [
        f"{event.generation}:{instance}"
        for event in verdicts
        if isinstance(verdict := event.payload, t.GateDecided)
        for instance in (verdict.fixed if word == "fixed" else verdict.broken)
    ]
    key = f"generation || ':' || json_extract({_TEXT}, '$.instance')"
    on_val = f"{_RESULT} AND json_extract({_TEXT}, '$.split') = 'val'"
    return f"{on_val} AND {key} IN (SELECT value FROM json_each(?))", [json.dumps(instances)]  # noqa: S608
