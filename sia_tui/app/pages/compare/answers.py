"""What two candidates answered to the same instance, one beside the other: a program, where answers are programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from engine.queries.harness_diff import of_files
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.compare.diff import lay_out
from sia_tui.app.pages.instance.trajectory import answer_of
from sia_tui.app.rows.row import Page, Row, Target, heading, prose, row


def build(moment: Moment, target: Target, width: int) -> Page:
    """From candidate `target.first` (0: none) to candidate `target.second`, on the first instance that both met."""
    old, new = int(target.first), int(target.second)
    title = f"answers of candidates {old} and {new}" if old else f"answer of candidate {new}"
    instance, (before, after) = _answers(moment, old, new)
    if after is None or (old and before is None):
        return Page(title, [row(("there is no instance of val that was answered, at this event", "dim"))])
    text = of_files(_files(before), _files(after)) if old else ""
    rows: list[Row] = [row((f"to {instance}", "dim"))]
    if text:
        return Page(title, [*rows, *lay_out(text, width)])
    if old:
        rows.append(row(("the two answers are the same", "dim")))
    for name, content in _files(after).items():
        rows += [heading(name), *prose(content.decode(errors="replace"), width, "code", limit=2000)]
    return Page(title, rows)


def _answers(moment: Moment, old: int, new: int) -> tuple[str, tuple[Any, Any]]:
    """An instance of val, and what the two answered; None for what was not answered."""
    generations = {one.n: one.candidate for one in moment.state.generations}
    wanted = [n for n in (old, new) if n]
    if any(n not in generations for n in wanted):
        return "", (None, None)
    for instance in sorted({name for name, *_ in moment.reader.grid(moment.run, "val", until=moment.n)}):
        met = {}
        for _, one in moment.results(instance):
            for n in wanted:
                if one.answer and one.split == "val" and one.harness == generations[n].harness:
                    met[n] = one
        if len(met) == len(set(wanted)):
            return instance, (answer_of(moment, met[old]) if old else None, answer_of(moment, met[new]))
    return "", (None, None)


def _files(answer: Any) -> Mapping[str, bytes]:
    """The parts of an answer as files: text as it is, all else as JSON."""
    parts = answer if isinstance(answer, dict) else {"answer": answer}
    return {str(name): _text(part).encode("utf-8", "surrogateescape") for name, part in parts.items()}


def _text(part: Any) -> str:
    text = part if isinstance(part, str) else msgspec.json.format(msgspec.json.encode(part)).decode()
    return text if text.endswith("\n") else f"{text}\n"
