"""Two generations of a run, or two runs of a log, side by side."""

from __future__ import annotations

import math
from typing import Any

from engine.core import units
from engine.core.state import State
from engine.queries import score_course
from engine.queries.compare import compare, side, two_sided
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, empty_page, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_duration, format_honest, format_score
from sia_tui.cli import formats
from sia_tui.cli.formats import plural


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """Two generations where the target has numbers, else two runs by their ids."""
    if isinstance(target.first, int) and isinstance(target.second, int):
        return _generations(snapshot, target.first, target.second, width)
    return _runs(snapshot, str(target.first), str(target.second), width)


def _generations(snapshot: RunSnapshot, old: int, new: int, width: int) -> Page:
    from engine.queries.harness_diff import from_log

    state = snapshot.state
    title = f"generation {old} and generation {new}"
    if not all(1 <= n <= len(state.generations) and n in state.versions for n in (old, new)):
        return empty_page(title, "one of the two has not started at this event")
    scores = {n: _val_scores(snapshot, n) for n in (old, new)}
    groups = snapshot.reader.groups_of(snapshot.run_id, new, "val", until=snapshot.n)
    found = {row: scores[new][row] - scores[old][row] for row in sorted(scores[old].keys() & scores[new].keys())}
    changed = [(name, value) for (name, _), value in found.items() if not math.isclose(value, 0)]
    rows: list[Row] = []
    for n in (old, new):
        one = units.clustered(scores[n], groups)
        text = f"{format_score(one.score, one.se, one.n)} (n = {one.n:,}){_standing(snapshot.state, n)}"
        rows.append(field(f"generation {n}", text, to=Target("generation", n)))
    if found:
        differences = units.divide(found, units.kind(found, groups), groups)
        gain, p = units.mean(differences), two_sided([math.fsum(unit) for unit in differences])
        better = sum(value > 0 for _, value in changed)
        rows.append(
            field("difference", f"{format_score(gain.score, gain.se, gain.n, sign='+')} (p = {p:.2g}, two-sided)")
        )
        rows.append(field("instances", f"better on {better}, worse on {len(changed) - better}"))
    rows += [BLANK, heading("harness")]
    rows += diff_rows(from_log(snapshot.reader, state.versions[old], state.versions[new]), width)
    if found:
        rows += [BLANK, heading("instances that differ")]
        for name, value in sorted(changed, key=lambda one: (one[1], one[0])):
            tone: Tone = "good" if value > 0 else "bad"
            rows.append(row((f"{value:+.3f}  ", tone), name, to=Target("instance", name, new)))
    return Page(title, rows)


def _standing(state: State, n: int) -> str:
    """What became of generation `n`, and its honest score where there is one."""
    found = next((one for one in score_course.measured(state) if one.n == n), None)
    if found is None:
        return ""
    beside = f", {format_honest(found.val.score, found.honest.score)}" if found.honest else ""
    return f", {found.outcome}{beside}"


def _val_scores(snapshot: RunSnapshot, n: int) -> dict[tuple[str, int], float]:
    """The scores of candidate `n` on val, by instance and repeat."""
    harness = snapshot.state.of(n).candidate.harness
    scores = snapshot.reader.scores_of(snapshot.run_id, n, harness, "val", until=snapshot.n)
    return {(name, repeat): value for name, repeat, value in scores}


def _runs(snapshot: RunSnapshot, first: str, second: str, width: int) -> Page:
    reader = snapshot.reader
    runs = [reader.find(run_id) for run_id in (first, second)]
    facts = compare([side(reader, run, run.status) for run in runs])
    names = [run.name for run in runs]
    column = max(16, (width - 20) // 2)

    def line(name: str, values: list[Any]) -> Row:
        return field(name[:18], "".join(f"{formats.value(value)[: column - 1]:<{column}}" for value in values))

    rows: list[Row] = [line("", names), line("domain", [run["domain"] for run in facts["runs"]])]
    rows += [line(one["key"], one["values"]) for one in facts["settings"]]
    for n in range(1, max(len(run["generations"]) for run in facts["runs"]) + 1):
        rows.append(line(f"generation {n}", [_score_of(run["generations"], n) for run in facts["runs"]]))
    spent = [run["spent"] for run in facts["runs"]]
    rows += [
        BLANK,
        line("evaluations", [f"{one['evaluations']:,}, {one['reused']:,} reused" for one in spent]),
        line("tokens", [f"{one['tokens']:,}" for one in spent]),
        line("dollars", [f"${one['usd']:,.4f}" for one in spent]),
        line("time", [format_duration(one["seconds"]) for one in spent]),
    ]
    for pair in facts["pairs"]:
        if not pair["comparable"]:
            rows += [BLANK, *wrap(f"Nothing can be paired: {pair['why']}.", width, "warn")]
            continue
        units = f"{plural(pair['n'], 'unit')} of val"
        text = (
            f"{pair['run']} against {pair['against']}, best candidates on the {units} that both have: "
            f"{format_score(pair['difference'], pair['se'], pair['n'], sign='+')} (p = {pair['p']:.2g}, two-sided)."
        )
        rows += [BLANK, *wrap(text, width, "strong")]
    return Page(f"{names[0]} and {names[1]}", rows)


def _score_of(generations: list[dict[str, Any]], n: int) -> str:
    """The score of generation `n`, with a `+` where it was accepted, and the honest one where there is one."""
    generation = generations[n - 1] if n <= len(generations) else None
    if generation is None or not generation["val"]:
        return "-"
    val = generation["val"]
    mark = " refused" if generation["refused"] else " +" if generation["accepted"] else ""
    return f"{formats.score(val)}{mark}{formats.beside(val)}"
