"""The bisection of an instance: the candidates that fixed or broke it, and the change that did it."""

from __future__ import annotations

from engine.errors import SiaError
from engine.queries.bisect import bisect
from engine.queries.harness_diff import from_log
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, heading, row
from sia_tui.app.rows.text import wrap


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The answer of `sia bisect` at this event."""
    name = str(target.first)
    title = f"bisect {name}"
    try:
        found, state = bisect(snapshot.reader.history(snapshot.run_id, until=snapshot.n), name)
    except SiaError as error:
        return Page(title, wrap(str(error), width, "warn"))
    rows: list[Row] = [*wrap(f"{found.summary}.", width, "strong"), BLANK]
    tones: dict[str, Tone] = {"fixed": "good", "broken": "bad"}
    rows += [
        row(
            f"{'*' if one.incumbent else ' '} {one.n:>3}  {one.score:<8g} ",
            (one.what or "same", tones.get(one.what or "", "dim")),
            ("  incumbent" if one.incumbent else "  rejected", "dim"),
            to=Target("generation", one.n),
        )
        for one in found.candidates
    ]
    for change in found.changes[:1]:
        before, after = state.versions[change.after], state.versions[change.n]
        rows += [BLANK, heading(f"candidate {change.after} to {change.n}", change.what)]
        rows += diff_rows(from_log(snapshot.reader, before, after), width)
    return Page(title, rows)
