"""A blob: a prompt, a reply, a log, a file, an answer."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from engine.errors import SiaError
from engine.evaluation.answer_codec import unpack
from engine.events import types as t
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.code import code_rows, language_in
from sia_tui.app.rows.row import Page, Target


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The blob that `target.first` names, as text."""
    name = str(target.first)
    text = blob_text(snapshot, name)
    return Page(f"blob {name[:12]}", code_rows(text, width, language_in(text), limit=2_000))


def blob_text(snapshot: RunSnapshot, name: str) -> str:
    """The text of a blob; in brackets, why it is missing."""
    with contextlib.suppress(SiaError):
        return snapshot.reader.blob(name).decode("utf-8", "surrogateescape")
    return "(left out when this run was exported, or lost)"


def answer_value(snapshot: RunSnapshot, result: t.InstanceFinished) -> Any:
    """The answer of a result; in brackets, why it is missing."""
    if not result.answer:
        return "(none)"
    if not result.answer.startswith(t.BLOB):
        return msgspec.json.decode(result.answer)
    try:
        return unpack(result.answer, snapshot.reader.blob)
    except SiaError as error:
        return f"({error})"


def answer_text(snapshot: RunSnapshot, result: t.InstanceFinished) -> str:
    """The answer of a result as text: text as it is, anything else as JSON."""
    answer = answer_value(snapshot, result)
    return answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()
