"""Which candidate fixed or broke an instance, with the change that did it."""

from __future__ import annotations

from engine.errors import SiaError
from engine.queries.bisect import bisect
from engine.queries.harness_diff import from_log
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.compare.diff import lay_out
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, heading, prose, row


def build(moment: Moment, target: Target, width: int) -> Page:
    """The same answer as `sia bisect` gives, at this event."""
    name = str(target.first)
    try:
        found, state = bisect(moment.reader.history(moment.run, until=moment.n), name)
    except SiaError as error:
        return Page(f"bisect {name}", prose(str(error), width, "warn"))
    rows: list[Row] = [*prose(f"{found.summary}.", width, "strong"), BLANK]
    for one in found.candidates:
        mark = "*" if one.incumbent else " "
        tone: Tone = "good" if one.what == "fixed" else "bad" if one.what == "broken" else "dim"
        fate = "incumbent" if one.incumbent else "rejected"
        to = Target("generation", one.n)
        rows.append(
            row(f"{mark} {one.n:>3}  {one.score:<8g} ", (one.what or "same", tone), (f"  {fate}", "dim"), to=to)
        )
    for change in found.changes[:1]:
        rows += [BLANK, heading(f"candidate {change.after} to {change.n}", change.what)]
        rows += lay_out(from_log(moment.reader, state.versions[change.after], state.versions[change.n]), width)
    return Page(f"bisect {name}", rows)
