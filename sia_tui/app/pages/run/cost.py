"""What a run has spent, on what, and what an accepted point has cost; its budgets."""

from __future__ import annotations

from engine.core import budget
from engine.queries.run_report import costs
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.row import BLANK, Page, Row, Target, fact, heading, row, seconds


def build(moment: Moment, _target: Target, _width: int) -> Page:
    """The same figures as `sia cost`."""
    found = costs(moment.reader.history(moment.run, until=moment.n))
    rows: list[Row] = [
        heading("spent"),
        row((f"{'':<14} {'executed':>10} {'reused':>8} {'CPU':>10} {'wall':>10}", "dim")),
    ]
    rows += [
        row(f"{one['on']:<14} {one['evaluations']:>10,} {one['reused']:>8,} "
            f"{seconds(one['cpu_s']):>10} {seconds(one['wall_s']):>10}")
        for one in found["by"]
    ]  # fmt: skip
    rows += [BLANK, fact("time", seconds(found["seconds"])), fact("gain", f"{found['gain']:+.4f} on val, accepted")]
    if found["per_accepted_point"] is not None:
        rows.append(fact("per point", f"{found['per_accepted_point']:,.0f} evaluations for 0.01 of accepted gain"))
    rows += [BLANK, heading("budget")]
    caps = budget.used(moment.state)
    for name, (now, cap) in caps.items():
        share = min(1.0, now / cap) if cap else 1.0
        bar = "█" * round(20 * share)
        rows.append(fact(name, (f"{bar:░<20} ", "warn" if share >= 0.8 else "good"), f"{now:,.4g} of {cap:,g}"))
    if not caps:
        rows.append(row(("no cap was set", "dim")))
    return Page("cost", rows)
