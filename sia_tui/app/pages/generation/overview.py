"""A generation: its candidate, its scores, the gate's verdict with what it fixed and broke, and what followed."""

from __future__ import annotations

from engine.core.state import Generation
from engine.events import types as t
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.generation import cases
from sia_tui.app.rows.row import BLANK, Page, Row, Target, fact, heading, prose, row, score, seconds


def build(moment: Moment, target: Target, width: int) -> Page:
    """The page of generation `target.first`."""
    state, n = moment.state, int(target.first)
    if not 1 <= n <= len(state.generations):
        return Page(f"generation {n}", [row((f"generation {n} has not begun at this event", "dim"))])
    one = state.of(n)
    version = state.versions.get(n)
    rows: list[Row] = [fact("lever", one.candidate.lever or "none: the first candidate")]
    if version:
        rows += [
            fact("harness", f"{version.commit[:10]} by {version.author}", to=Target("harness", n)),
            *_lines("changed", version.changed, width),
            *_lines("why", version.reason, width),
        ]
    if one.candidate.weights:
        curves = Target("training", n - 1) if one.candidate.lever == "weights" else None
        rows.append(fact("weights", one.candidate.weights[:16], to=curves))
    before = moment.parent(n)
    if before is not None:
        rows.append(row(("difference to its parent", "accent"), to=Target("diff", before, n)))
    rows += [*_execution(one), *_judged(one, width)]
    if one.analysis:
        rows += [BLANK, heading("Analysis", "enter opens it")]
        rows += [row(line.spans[0], to=Target("analysis", n)) for line in prose(one.analysis.reason, width)]
    for reason in one.failed_improvements:
        rows += [BLANK, heading("an Improvement came to nothing"), *prose(reason, width, "warn")]
    if n + 1 in state.versions:
        rows += [BLANK, row((f"made candidate {n + 1}", "accent"), to=Target("generation", n + 1))]
    return Page(f"generation {n}", rows)


def verdict(moment: Moment, target: Target, width: int) -> Page:
    """What the gate said of generation `target.first`, beginning at what it broke."""
    state, n = moment.state, int(target.first)
    if not 1 <= n <= len(state.generations):
        return build(moment, target, width)
    rows = _judged(state.of(n), width) or [row(("not judged at this event", "dim"))]
    broken = next((i for i, one in enumerate(rows) if one.target and one.target.kind == "instance"), 0)
    return Page(f"verdict on generation {n}", rows[1:] if rows[0] == BLANK else rows, max(0, broken - 1))


def _execution(one: Generation) -> list[Row]:
    done = one.execution
    if done is None:
        return [BLANK, row(("the Execution is not finished", "dim"))]
    rows = [
        BLANK,
        heading("Execution", f"{done.evaluations:,} executed, {done.reused:,} reused, {seconds(done.wall_s)}"),
    ]
    rows += [fact(split, f"{score(s.score, s.se)} (n = {s.n:,})") for split, s in done.scores.items()]
    if done.incumbent:
        rows.append(fact("incumbent", f"{score(done.incumbent.score, done.incumbent.se)}, executed beside it"))
    rows += _private(done.private, done.scores.get("val"), one.n)
    rows += [fact(f"failed: {kind}", (f"{count:,}", "warn")) for kind, count in done.failures.items()]
    return rows


def _private(check: t.PrivateCheck | None, val: t.Score | None, n: int) -> list[Row]:
    """The private check, and the gap between the public and the honest score, which only a person sees."""
    if check is None:
        return []
    rows = [fact("private check", ("passed", "good") if check.passed else ("failed", "bad"))]
    if check.honest:
        rows.append(fact("honest score", score(check.honest.score, check.honest.se)))
        if val:
            rows.append(fact("gap", f"{val.score - check.honest.score:+.4f} from honest to public"))
    if check.floor:
        rows.append(fact("floor", f"{check.floor.score:.4f}, which the honest score must reach"))
    rows += [row((f"refused on {count:,}: ", "bad"), why) for why, count in check.refused.items()]
    table = cases.table((name, one.score) for name, one in check.measures.items())
    if table:
        rows.append(fact("cases", (f"{len(table)}: time, ratio and spread of each", "accent"), to=Target("cases", n)))
    of_cases = {f"{case} {column}" for case, columns in table.items() for column in columns}
    return rows + [
        fact(name[:14], score(one.score, one.se)) for name, one in check.measures.items() if name not in of_cases
    ]


def _judged(one: Generation, width: int) -> list[Row]:
    verdict = one.verdict
    if verdict is None:
        return []
    rows = [BLANK, heading("verdict"), *prose(verdict.reason, width, "good" if verdict.accepted else "warn")]
    if verdict.test != "none":
        rows.append(fact("difference", f"{verdict.difference:+.4f} ± {verdict.se:.4f} over {verdict.n:,} units"))
        rows.append(fact("test", verdict.test))
        rows.append(fact("p", f"{verdict.p:.2g}, needed below {verdict.alpha:.2g}"))
        rows.append(fact("minimum", f"a gain of {verdict.minimum_effect:g}"))
    for word, names, tone in (("broken", verdict.broken, "bad"), ("fixed", verdict.fixed, "good")):
        if names:
            against = f"against generation {verdict.against}; enter shows why"
            rows += [BLANK, heading(f"{word}: {len(names)}", against)]
            rows += [
                row(("- " if word == "broken" else "+ ", tone), name, to=Target("instance", name, one.n))  # type: ignore[arg-type]
                for name in names
            ]
    return rows


def _lines(name: str, text: str, width: int) -> list[Row]:
    first, *rest = prose(text, width - 15) if text else [row(("none", "dim"))]
    return [fact(name, *first.spans), *(row(" " * 15, *line.spans) for line in rest)]
