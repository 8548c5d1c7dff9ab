"""The filter of the timeline: a small grammar, compiled to a condition that SQLite evaluates."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import NamedTuple, get_args

from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.failure import FailureKind

_TEXT = "CAST(payload AS TEXT)"
_RESULT = "type = 'instance.finished'"
# patterns are compiled when a filter is read: that takes too long for the start
_SCORE = r"score(<=|>=|<|>|=)(.*)"
_NUMBER = r"-?\d*\.?\d+"
_RANGE = r"(\d{1,18})?(-)?(\d{1,18})?"  # of 64 bits
_FLAGS = {
    "failed": f"{_RESULT} AND instr({_TEXT}, '\"failure\":{{') > 0",
    "refused": f"{_RESULT} AND instr({_TEXT}, '\"refused\":') > 0",
    "reused": f"instr({_TEXT}, '\"reused\":true') > 0",
}
_KEYS = ("type", "gen", "n", "split", "id", "failed")
LOGS = ("log", "traceback", "report")
PROMPTS = ("request", "prompt", "question", "arguments")
REPLIES = ("reply", "result", "answer", "transcript")
CONTENTS = {"log": LOGS, "prompt": PROMPTS, "reply": REPLIES}
"""The fields of payloads that name blobs with text, by the term that searches them; a bare word searches all."""
TERMS = (
    ("word", 'the event\'s text, log, prompt or reply contains it, in any case; "two words" as one'),
    ("log:Traceback", "its log or traceback contains this"),
    ("prompt:word  reply:word", "what was asked of a model or a tool, or what it replied, contains this"),
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
EXAMPLES = "for example: type:gate, gen:3, broken, failed:timeout, log:Traceback, score<0.5, -type:probe, a word"


class Content(NamedTuple):
    """A text that is looked for in the blobs that `fields` of a payload name.

    The parameters of the filter from `first` on, one for each field, are the names of those that contain it, as JSON.
    """

    text: str
    fields: tuple[str, ...]
    first: int


class EventFilter(NamedTuple):
    """A condition over the columns of `events`, with its parameters; `contents` says which of them are to be found."""

    text: str
    condition: str
    parameters: tuple[str | int | float, ...]
    contents: tuple[Content, ...] = ()

    def with_found(self, found: Sequence[Iterable[str]]) -> tuple[str | int | float, ...]:
        """The parameters where `found` names, for each of `contents`, the blobs that contain it."""
        parameters = list(self.parameters)
        for content, names in zip(self.contents, found, strict=True):
            parameters[content.first : content.first + len(content.fields)] = [json.dumps([*names])] * len(
                content.fields
            )
        return tuple(parameters)


def parse_filter(text: str, verdicts: Iterable[Event] = ()) -> EventFilter:
    """Compiles `text`; `verdicts` are the gate's events, for `fixed` and `broken`. Raises `SiaError`."""
    try:
        words = shlex.split(text)
    except ValueError:
        raise SiaError("a quotation mark is not closed", EXAMPLES) from None
    verdicts = list(verdicts)
    conditions: list[str] = []
    parameters: list[str | int | float] = []
    contents: list[Content] = []
    for word in words:
        negated = word.startswith("-") and len(word) > 1
        term = word[1:] if negated else word
        if (sought := _sought(term)) is None:
            condition, values = _term(term, verdicts)
        else:
            condition, values = _content_term(*sought)
            first = len(parameters) + len(values) - len(sought[1])
            contents.append(Content(sought[0].lower(), sought[1], first))
        conditions.append(f"NOT coalesce(({condition}), 0)" if negated else f"({condition})")
        parameters += values
    return EventFilter(text, " AND ".join(conditions) or "1", tuple(parameters), tuple(contents))


def _sought(word: str) -> tuple[str, tuple[str, ...]] | None:
    """The text that a term looks for in contents, and the fields that name them; None where it looks for none."""
    key, colon, value = word.partition(":")
    if colon and value and key in CONTENTS:
        return value, CONTENTS[key]
    alone = word in _FLAGS or word in ("fixed", "broken") or re.fullmatch(_SCORE, word)
    if alone or (colon and value and key in _KEYS):
        return None
    return word, LOGS + PROMPTS + REPLIES


def _content_term(text: str, fields: tuple[str, ...]) -> tuple[str, list[str | int | float]]:
    named = [
        f"(instr({_TEXT}, '\"{field}\":\"') > 0 AND json_extract({_TEXT}, '$.{field}') "  # noqa: S608
        "IN (SELECT value FROM json_each(?)))"
        for field in fields
    ]
    if fields in CONTENTS.values():
        return " OR ".join(named), ["[]"] * len(named)
    own = f"instr(lower({_TEXT}), ?) > 0"
    return " OR ".join([own, *named]), [json.dumps(text.lower(), ensure_ascii=False)[1:-1], *["[]"] * len(named)]


def _term(word: str, verdicts: list[Event]) -> tuple[str, list[str | int | float]]:
    if comparison := re.fullmatch(_SCORE, word):
        if not re.fullmatch(_NUMBER, comparison[2]):
            raise SiaError(f"the score in {word!r} is not a number", f"write one, for example score{comparison[1]}0.5")
        return f"{_RESULT} AND json_extract({_TEXT}, '$.score') {comparison[1]} ?", [float(comparison[2])]
    if word in _FLAGS:
        return _FLAGS[word], []
    if word in ("fixed", "broken"):
        return _verdict_term(word, verdicts)
    key, _, value = word.partition(":")
    match key:
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
        case _:  # failed
            if value not in get_args(FailureKind):
                raise SiaError(f"{value!r} is not a kind of failure", f"choose {', '.join(get_args(FailureKind))}")
            return f"{_RESULT} AND json_extract({_TEXT}, '$.failure.kind') = ?", [value]


def _range(column: str, value: str) -> tuple[str, list[str | int | float]]:
    match = re.fullmatch(_RANGE, value)
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
