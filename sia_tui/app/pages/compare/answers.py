"""The answers of two candidates to the same instance, as a difference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.queries.harness_diff import of_files
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.blob import answer_value
from sia_tui.app.rows.code import code_rows, language_in, language_of
from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.row import Page, Row, Target, empty_page, heading, row


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """Candidate `target.second` against `target.first` (0: none), on the first instance that both answered."""
    old, new = int(target.first), int(target.second)
    title = f"answers of candidates {old} and {new}" if old else f"answer of candidate {new}"
    instance, (before, after) = _answers(snapshot, old, new)
    if after is None or (old and before is None):
        return empty_page(title, "no instance of val has been answered at this event")
    rows: list[Row] = [row((f"to {instance}", "dim"))]
    diff = of_files(_files(before), _files(after)) if old else ""
    if diff:
        return Page(title, [*rows, *diff_rows(diff, width)])
    if old:
        rows.append(row(("the two answers are the same", "dim")))
    for name, content in _files(after).items():
        text = content.decode(errors="replace")
        rows += [heading(name), *code_rows(text, width, language_of(name) or language_in(text), limit=2000)]
    return Page(title, rows)


def _answers(snapshot: RunSnapshot, old: int, new: int) -> tuple[str, tuple[Any, Any]]:
    """An instance of val and its two answers; None for an answer that there is not."""
    candidates = {one.n: one.candidate for one in snapshot.state.generations}
    numbers = [n for n in (old, new) if n]
    if any(n not in candidates for n in numbers):
        return "", (None, None)
    for instance in sorted({name for name, *_ in snapshot.reader.grid(snapshot.run_id, "val", until=snapshot.n)}):
        results = {}
        for _, result in snapshot.results(instance):
            for n in numbers:
                if result.answer and result.split == "val" and result.harness == candidates[n].harness:
                    results[n] = result
        if len(results) == len(set(numbers)):
            before = answer_value(snapshot, results[old]) if old else None
            return instance, (before, answer_value(snapshot, results[new]))
    return "", (None, None)


def _files(answer: Any) -> Mapping[str, bytes]:
    """The parts of an answer as files: text as it is, anything else as JSON."""
    parts = answer if isinstance(answer, dict) else {"answer": answer}
    return {str(name): _text(part).encode("utf-8", "surrogateescape") for name, part in parts.items()}


def _text(part: Any) -> str:
    text = part if isinstance(part, str) else msgspec.json.format(msgspec.json.encode(part)).decode()
    return text if text.endswith("\n") else f"{text}\n"
