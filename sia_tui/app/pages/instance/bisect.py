"""The bisection of an instance: the candidates that fixed or broke it, and the change that did it."""

from __future__ import annotations

from engine.core.state import State
from engine.errors import SiaError
from engine.queries.bisect import BisectResult, InstanceScore, bisect
from engine.queries.harness_diff import from_log
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, heading, row
from sia_tui.app.rows.text import wrap


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The answer of `sia bisect` at this event; first what generation `target.second` did, if it did anything."""
    name, generation = str(target.first), int(target.second or 0)
    title = f"bisect {name}"
    try:
        found, state = bisect(snapshot.reader.history(snapshot.run_id, until=snapshot.n), name)
    except SiaError as error:
        return Page(title, wrap(str(error), width, "warn"))
    in_headline = bool(found.changes) and found.changes[0].n == generation
    asked = next((one for one in found.candidates if one.n == generation and one.what and not in_headline), None)
    rows: list[Row] = []
    if asked is not None:
        rows += wrap(f"{_done(found, state, asked)}.", width, "strong")
    rows += [*wrap(f"{found.summary}.", width, "" if asked else "strong"), BLANK]
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
    pairs: list[tuple[int, int, str]] = [(change.after, change.n, change.what) for change in found.changes[:1]]
    if asked is not None:
        pairs = [(_against(state, asked.n), asked.n, asked.what or "")]
    for old, new, what in pairs:
        rows += [BLANK, heading(f"candidate {old} to {new}", what)]
        rows += diff_rows(from_log(snapshot.reader, state.versions[old], state.versions[new]), width)
    return Page(title, rows)


def _done(found: BisectResult, state: State, asked: InstanceScore) -> str:
    """What a candidate did to the instance, against the incumbent that the gate put it against."""
    before = next(one.score for one in found.candidates if one.n == _against(state, asked.n))
    verb = "fixed" if asked.what == "fixed" else "broke"
    end = "" if asked.incumbent else "; it was rejected"
    return f"generation {asked.n} {verb} {found.instance}, from {before:g} to {asked.score:g}{end}"


def _against(state: State, n: int) -> int:
    verdict = state.of(n).verdict
    return verdict.against if verdict and verdict.against else 1
