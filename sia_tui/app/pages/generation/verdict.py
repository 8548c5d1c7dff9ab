"""The gate's verdict on a generation: the test, and the instances that the candidate broke and fixed."""

from __future__ import annotations

from engine.core.state import State
from engine.events import types as t
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.generation.changed import View, table
from sia_tui.app.pages.generation.changed import title as table_title
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, empty_page, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_score
from sia_tui.cli import formats
from sia_tui.cli.formats import plural


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The verdict on generation `target.first`, pinned, and the instances that changed, in the view `target.second`."""
    state, n = snapshot.state, int(target.first)
    title = f"verdict on generation {n}"
    if not 1 <= n <= len(state.generations):
        return empty_page(title, f"generation {n} has not started at this event")
    one, view = state.of(n), View.of(target)
    verdict = one.verdict
    if verdict is None or state.why_held(n) or verdict.against is None:
        rows = verdict_rows(state, n, width)[1:]
        return Page(title, rows) if rows else empty_page(title, "no verdict at this event")
    pinned = _conclusion(verdict, width)
    if verdict.test != "none":
        pinned += wrap(_figures(verdict), width, "strong")
    pinned.append(table_title(verdict, view))
    head, *instances = table(snapshot, one, verdict, view, width)
    pinned.append(head)
    details = _details(verdict)
    rows = [*pinned, *instances, *([BLANK, heading("the test"), *details] if details else [])]
    return Page(title, rows, len(pinned), len(pinned))


def _conclusion(verdict: t.GateDecided, width: int) -> list[Row]:
    return wrap(verdict.reason, width, "good" if verdict.accepted else "warn")


def _figures(verdict: t.GateDecided) -> str:
    difference = format_score(verdict.difference, verdict.se, verdict.n, sign="+")
    over = plural(verdict.n, verdict.unit or "unit")
    return f"{difference} over {over} · p {verdict.p:.2g}, must be below {verdict.alpha:.2g}"


def _details(verdict: t.GateDecided) -> list[Row]:
    """The figures of the test, and what it took from the lineage's account of error."""
    rows: list[Row] = []
    if verdict.test != "none":
        rows += [
            field(
                "difference",
                f"{format_score(verdict.difference, verdict.se, verdict.n, sign='+')} over "
                f"{plural(verdict.n, verdict.unit or 'unit')}",
            ),
            field("test", verdict.test),
            field("p", f"{verdict.p:.2g}, must be below {verdict.alpha:.2g}"),
            field("minimum", f"a gain of {verdict.minimum_effect:g}"),
        ]
        if len(verdict.looks) > 1:
            rows.insert(-3, field("before", formats.look(verdict.looks[0], "the first look, on val alone")))
    if verdict.spent is not None:
        spent = "accepted beyond what was left" if verdict.beyond else f"{verdict.spent:.2g} spent by this verdict"
        rows.append(field("error", (spent, "warn" if verdict.beyond else "")))
    return rows


def verdict_rows(state: State, n: int, width: int) -> list[Row]:
    """The verdict on generation `n` as a section of a page, after a blank row; nothing before there is one."""
    one = state.of(n)
    verdict = one.verdict
    if why := state.why_held(n):
        note = "key a shows the candidate and takes your answer"
        return [BLANK, heading("held for your approval", note), *wrap(why, width, "bad")]
    if verdict is None:
        return []
    rows = [BLANK, heading("verdict"), *_conclusion(verdict, width), *_details(verdict)]
    groups: list[tuple[str, str, Tone, list[str]]] = [
        ("broken", "- ", "bad", list(verdict.broken)),
        ("fixed", "+ ", "good", list(verdict.fixed)),
    ]
    for change, mark, tone, names in groups:
        if names:
            note = f"against generation {verdict.against}; enter shows why"
            rows += [BLANK, heading(f"{change}: {len(names)}", note)]
            rows += [row((mark, tone), name, to=Target("instance", name, one.n)) for name in names]
    return rows
