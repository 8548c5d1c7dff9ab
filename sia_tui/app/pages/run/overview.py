"""A run: where it stands, what it was told, its generations, baselines, budget and notes."""

from __future__ import annotations

from engine.core import budget
from engine.core.decide import standing
from engine.queries.settings_origin import flat
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, fact, heading, prose, row, score, seconds


def build(moment: Moment, _target: Target, width: int) -> Page:
    """The page of the run as a whole."""
    state = moment.state
    if state.settings is None or state.domain is None:
        return Page("run", [row(("nothing has happened yet", "dim"))])
    best = state.incumbent
    rows: list[Row] = [
        *prose(f"{state.task.title}", width, "strong"),
        *prose(f"{standing(state)}.", width),
        BLANK,
        fact("run", f"{state.name} ({state.run})"),
        fact("domain", f"{state.task.name}: {', '.join(f'{n:,} {split}' for split, n in state.task.counts.items())}"),
        fact("isolation", (str(state.isolation.get("level") or "unknown"), _isolated(state.isolation.get("level")))),
    ]
    if best is not None and (done := state.of(best).execution) and "val" in done.scores:
        val = done.scores["val"]
        rows.append(fact("best", f"generation {best}: {score(val.score, val.se)} on {val.n:,} of val", to=_to(best)))
    rows += [BLANK, heading("generations", "enter opens one")]
    for one in state.generations:
        accepted = bool(one.verdict and one.verdict.accepted)
        tone: Tone = "good" if accepted or one.n == best else "dim"
        mark = "*" if one.n == best else "+" if accepted else "-"
        done = one.execution
        val_shown = score(s.score, s.se) if done and (s := done.scores.get("val")) else "running"
        rows.append(
            row(
                (f"{mark} {one.n:>3} ", tone),
                f"{val_shown}  ",
                (one.verdict.reason if one.verdict else "not judged yet", "dim"),
                to=_to(one.n),
            )
        )
    rows += [row(("score over generations", "accent"), to=Target("scores")),
             row(("map of generations and instances", "accent"), to=Target("map")),
             row(("cost", "accent"), to=Target("cost"))]  # fmt: skip
    if state.baseline:
        rows += [BLANK, heading("baselines on val")]
        rows += [row(f"{score(one.score, one.se)}  {name}") for name, one in state.baseline.scores.items()]
    if state.tested:
        test = state.tested
        rows += [BLANK, heading("sealed test", f"read {state.unsealed} time{'s' * (state.unsealed > 1)}")]
        rows.append(row(f"{score(test.score.score, test.score.se)}  best candidate (n = {test.score.n:,})"))
        rows += [row(f"{score(one.score, one.se)}  {one.name} (n = {one.n:,})") for one in test.subsets]
        rows += [row(f"{score(one.score, one.se)}  baseline: {name}") for name, one in test.baselines.items()]
    rows += [BLANK, heading("spent")]
    spent = state.spent
    rows.append(fact("evaluations", f"{spent.evaluations:,}", (f" and {spent.reused:,} taken from the lineage", "dim")))
    rows.append(fact("time", seconds(spent.seconds)))
    rows += [fact(f"budget {name}", f"{now:,.4g} of {cap:,g}") for name, (now, cap) in budget.used(state).items()]
    rows += [BLANK, heading("settings")]
    rows += [fact(key, str(value)) for key, value in flat(state.settings).items() if key != "script"]
    if state.notes:
        rows += [BLANK, heading("notes"), *(line for note in state.notes for line in prose(note, width))]
    return Page(state.name, rows)


def _isolated(level: object) -> Tone:
    return "bad" if level == "none" else "good" if level == "full" else "warn"


def _to(n: int) -> Target:
    return Target("generation", n)
