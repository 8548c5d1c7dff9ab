"""The spend of a run in tokens and dollars, by what and in which generation; what it will be; and the budgets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.core import budget
from engine.plain import decimal
from engine.queries.costs import costs
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_duration
from sia_tui.cli.formats import amount, plural

_BAR_WIDTH = 20
_WARN_SHARE = 0.8


def build(snapshot: RunSnapshot, _target: Target, width: int) -> Page:
    """The figures of `sia cost`."""
    figures = costs(snapshot.reader.history(snapshot.run_id, until=snapshot.n))
    inherited = "that of its parents before the fork included" if snapshot.state.parent else ""
    rows = [*_money(figures, width), BLANK, heading("spend", inherited), *_table("", "on", figures["by"])]
    if figures["generations"]:
        rows += [BLANK, heading("by generation", "0 is what came before the first")]
        rows += _table("generation", "n", figures["generations"])
    rows += [
        BLANK,
        field("time", format_duration(figures["seconds"]), (" by the clock: what ran at once counts once", "dim")),
        field("gain", f"{decimal(figures['gain'], '+')} on val, accepted"),
    ]
    if figures["per_accepted_point"] is not None:
        each = figures["usd_per_accepted_point"]
        dollars = f" and ${each:,.4f}" if each else ""
        rows.append(
            field("per point", f"{plural(round(figures['per_accepted_point']), 'evaluation')}{dollars} per +0.01")
        )
    rows += [BLANK, heading("budget")]
    limits = budget.spending(snapshot.state)
    for name, (used, cap) in limits.items():
        share = min(1.0, used / cap) if cap else 1.0
        bar = "█" * round(_BAR_WIDTH * share)
        tone: Tone = "warn" if share >= _WARN_SHARE else "good"
        rows.append(field(name, (f"{bar:░<{_BAR_WIDTH}} ", tone), f"{amount(used)} of {amount(cap)}"))
    if not limits:
        rows.append(row(("no limit", "dim")))
    return Page("cost", rows)


def _money(figures: dict[str, Any], width: int) -> list[Row]:
    """Tokens and dollars spent so far, and what the run will have taken at its end."""
    tokens = sum(row["tokens"] for row in figures["by"])
    unpriced, projection = figures["unpriced"], figures["projection"]
    rows = [
        heading("so far"),
        field("tokens", f"{tokens:,}"),
        field("dollars", _dollars(figures["usd"], unpriced, bool(tokens))),
    ]
    if projection:
        rows += [
            BLANK,
            heading(
                "at the end",
                f"of {plural(projection['generations'], 'generation')}, if each takes what one took so far",
            ),
            field("evaluations", f"about {projection['evaluations']:,.0f}"),
            field("tokens", f"about {projection['tokens']:,.0f}"),
            field("dollars", f"about {_dollars(projection['usd'], unpriced, bool(tokens))}"),
        ]
    if unpriced:
        calls = plural(unpriced, "call")
        said = f"The price of {calls} is not known, so the dollars are too few: add it to [prices] in sia.toml."
        rows += wrap(said, width, "warn")
    return rows


def _dollars(usd: float, unpriced: int, called: bool) -> str:
    if unpriced:
        return f"${usd:,.4f} and what is unknown" if usd else "unknown"
    return f"${usd:,.4f}" if usd or called else "$0: no model was called"


def _table(title: str, key: str, figures: Iterable[Mapping[str, Any]]) -> list[Row]:
    head = f"{title:<14} {'executed':>9} {'reused':>7} {'tokens':>9} {'US$':>9} {'CPU':>9} {'time, sum':>9}"
    rows = [row((head, "dim"))]
    for one in figures:
        usd = "unknown" if one["unpriced"] and not one["usd"] else f"{one['usd']:.4f}{'+' * bool(one['unpriced'])}"
        cpu, wall = format_duration(one["cpu_s"]), format_duration(one["wall_s"])
        counts = f"{one['evaluations']:>9,} {one['reused']:>7,} {one['tokens']:>9,}"
        rows.append(row(f"{one[key]:<14} {counts} {usd:>9} {cpu:>9} {wall:>9}"))
    return rows
