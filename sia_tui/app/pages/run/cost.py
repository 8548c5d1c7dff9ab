"""The spend of a run by what it was spent on, the cost of accepted gain, and the budgets."""

from __future__ import annotations

from engine.core import budget
from engine.plain import decimal
from engine.queries.costs import costs
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, field, heading, row
from sia_tui.app.rows.units import format_duration

_BAR_WIDTH = 20
_WARN_SHARE = 0.8


def build(snapshot: RunSnapshot, _target: Target, _width: int) -> Page:
    """The figures of `sia cost`."""
    figures = costs(snapshot.reader.history(snapshot.run_id, until=snapshot.n))
    rows: list[Row] = [
        heading("spend"),
        row((f"{'':<14} {'executed':>10} {'reused':>8} {'CPU':>10} {'wall':>10}", "dim")),
    ]
    for one in figures["by"]:
        cpu, wall = format_duration(one["cpu_s"]), format_duration(one["wall_s"])
        rows.append(row(f"{one['on']:<14} {one['evaluations']:>10,} {one['reused']:>8,} {cpu:>10} {wall:>10}"))
    rows += [
        BLANK,
        field("time", format_duration(figures["seconds"])),
        field("gain", f"{decimal(figures['gain'], '+')} on val, accepted"),
    ]
    if figures["per_accepted_point"] is not None:
        rows.append(field("per point", f"{figures['per_accepted_point']:,.0f} evaluations per +0.01"))
    rows += [BLANK, heading("budget")]
    limits = budget.spending(snapshot.state)
    for name, (used, cap) in limits.items():
        share = min(1.0, used / cap) if cap else 1.0
        bar = "█" * round(_BAR_WIDTH * share)
        tone: Tone = "warn" if share >= _WARN_SHARE else "good"
        rows.append(field(name, (f"{bar:░<{_BAR_WIDTH}} ", tone), f"{used:,.4g} of {cap:,g}"))
    if not limits:
        rows.append(row(("no limit", "dim")))
    return Page("cost", rows)
