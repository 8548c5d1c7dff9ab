"""Two marked things side by side: generations of one run, or two runs of one log."""

from __future__ import annotations

import math
from typing import Any

from engine.core.gate import mean
from engine.queries.compare import compare, side, two_sided
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.compare.diff import lay_out
from sia_tui.app.rows.row import BLANK, Page, Row, Target, fact, heading, prose, row, score


def build(moment: Moment, target: Target, width: int) -> Page:
    """Generations where both are numbers, else runs by their ids."""
    if isinstance(target.first, int) and isinstance(target.second, int):
        return _generations(moment, target.first, target.second, width)
    return _runs(moment, str(target.first), str(target.second), width)


def _generations(moment: Moment, old: int, new: int, width: int) -> Page:
    from engine.queries.harness_diff import from_log

    state = moment.state
    title = f"generation {old} and generation {new}"
    if not all(1 <= n <= len(state.generations) and n in state.versions for n in (old, new)):
        return Page(title, [row(("one of the two has not begun at this event", "dim"))])
    units = {
        n: {(name, repeat): value for name, repeat, value in
            moment.reader.scores_of(moment.run, n, state.of(n).candidate.harness, "val", until=moment.n)}
        for n in (old, new)
    }  # fmt: skip
    shared = sorted(units[old].keys() & units[new].keys())
    differences = [units[new][unit] - units[old][unit] for unit in shared]
    rows: list[Row] = []
    for n in (old, new):
        found = mean(list(units[n].values()))
        rows.append(
            fact(f"generation {n}", f"{score(found.score, found.se)} (n = {found.n:,})", to=Target("generation", n))
        )
    if differences:
        gain = mean(differences)
        rows.append(
            fact("difference", f"{gain.score:+.4f} ± {gain.se:.4f} (p = {two_sided(differences):.2g}, two-sided)")
        )
        changed = [
            (name, value) for (name, _), value in zip(shared, differences, strict=True) if not math.isclose(value, 0)
        ]
        better = [name for name, value in changed if value > 0]
        rows.append(fact("instances", f"better on {len(better)}, worse on {len(changed) - len(better)}"))
    rows += [
        BLANK,
        heading("harness"),
        *lay_out(from_log(moment.reader, state.versions[old], state.versions[new]), width),
    ]
    if differences:
        rows += [BLANK, heading("instances that differ")]
        rows += [
            row((f"{value:+.3f}  ", "good" if value > 0 else "bad"), name, to=Target("instance", name, new))
            for name, value in sorted(changed, key=lambda one: (one[1], one[0]))
        ]
    return Page(title, rows)


def _runs(moment: Moment, first: str, second: str, width: int) -> Page:
    reader = moment.reader
    runs = [reader.find(name) for name in (first, second)]
    facts = compare([side(reader, run, run.status) for run in runs])
    names = [run.name for run in runs]
    column = max(16, (width - 20) // 2)

    def line(name: str, values: list[Any]) -> Row:
        return fact(name[:18], "".join(f"{str(value)[: column - 1]:<{column}}" for value in values))

    rows: list[Row] = [line("", names), line("domain", [run["domain"] for run in facts["runs"]])]
    rows += [line(one["key"], one["values"]) for one in facts["settings"]]
    last = max(len(run["generations"]) for run in facts["runs"])
    for n in range(1, last + 1):
        shown = [
            score(g["val"]["score"], g["val"]["se"]) + (" +" if g["accepted"] else "")
            if n <= len(run["generations"]) and (g := run["generations"][n - 1])["val"] else "-"
            for run in facts["runs"]
        ]  # fmt: skip
        rows.append(line(f"generation {n}", shown))
    for pair in facts["pairs"]:
        if not pair["comparable"]:
            rows += [BLANK, *prose(f"Nothing can be paired, for {pair['why']}.", width, "warn")]
            continue
        text = (
            f"{pair['run']} against {pair['against']}, best candidates on the {pair['n']} units of val that both have: "
            f"{pair['difference']:+.4f} ± {pair['se']:.4f} (p = {pair['p']:.2g}, two-sided)."
        )
        rows += [BLANK, *prose(text, width, "strong")]
    return Page(f"{names[0]} and {names[1]}", rows)
