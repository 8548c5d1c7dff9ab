"""A generation: its candidate, its Execution, the verdict, its Analysis and Improvement."""

from __future__ import annotations

from engine.core.state import Generation
from engine.events import types as t
from engine.plain import decimal
from engine.queries import cut_replies
from sia_tui.app.model.failures import failed_step, failures_of, first_failure, sentence
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.generation.cases import case_table
from sia_tui.app.pages.generation.verdict import verdict_rows
from sia_tui.app.rows.row import BLANK, Page, Row, Target, empty_page, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_duration, format_score


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The page of generation `target.first`."""
    state, n = snapshot.state, int(target.first)
    if not 1 <= n <= len(state.generations):
        return empty_page(f"generation {n}", f"generation {n} has not started at this event")
    one = state.of(n)
    rows = [
        *_candidate(snapshot, one, width),
        *_execution(one),
        *_failures(snapshot, n, width),
        *_cut(snapshot, n, width),
    ]
    rows += verdict_rows(state, n, width)
    if one.analysis:
        rows += [BLANK, heading("Analysis", "enter opens it")]
        rows += [row(*line.spans, to=Target("analysis", n)) for line in wrap(one.analysis.reason, width)]
    for reason in one.failed_improvements:
        rows += [BLANK, heading("Improvement found no candidate"), *wrap(reason, width, "warn")]
    if n + 1 in state.versions:
        rows += [BLANK, row((f"made candidate {n + 1}", "accent"), to=Target("generation", n + 1))]
    return Page(f"generation {n}", rows)


def _candidate(snapshot: RunSnapshot, one: Generation, width: int) -> list[Row]:
    n, candidate = one.n, one.candidate
    rows = [field("lever", candidate.lever or "none: the first candidate")]
    if version := snapshot.state.versions.get(n):
        harness = f"{version.commit[:10]} by {version.author}"
        rows.append(field("harness", harness, to=Target("harness", n), copy=version.commit))
        rows += _text_field("changed", version.changed, width)
        rows += _text_field("why", version.reason, width)
    if candidate.weights:
        curves = Target("training", n - 1) if candidate.lever == "weights" else None
        rows.append(field("weights", candidate.weights[:16], to=curves))
    parent = snapshot.parent_of(n)
    if parent is not None:
        rows.append(row(("difference to its parent", "accent"), to=Target("diff", parent, n)))
    return rows


def _execution(one: Generation) -> list[Row]:
    done = one.execution
    if done is None:
        return [BLANK, row(("the Execution is not finished", "dim"))]
    note = f"{done.evaluations:,} executed, {done.reused:,} reused, {format_duration(done.wall_s)}"
    rows = [BLANK, heading("Execution", note)]
    refused = done.private is not None and not done.private.passed
    for split, score in done.scores.items():
        said = "refused " if refused and split == "val" else ""  # in front: a narrow pane cuts the end
        rows.append(field(split, (said, "bad"), f"{format_score(score.score, score.se, score.n)} (n = {score.n:,})"))
    if done.incumbent:
        rows.append(
            field(
                "incumbent",
                f"{format_score(done.incumbent.score, done.incumbent.se, done.incumbent.n)}, executed beside it",
            )
        )
    if done.private is not None:
        rows += _private_check(done.private, done.scores.get("val"), one.n)
    rows += [field(f"failed: {kind}", (f"{count:,}", "warn")) for kind, count in done.failures.items()]
    return rows


def _failures(snapshot: RunSnapshot, n: int, width: int) -> list[Row]:
    """How many results failed, and why; they lead to the traceback."""
    found, state = failures_of(snapshot, n), snapshot.state
    said = [sentence(found)] if found else []
    if state.last_failure is not None and failed_step(state, n):
        said.append(f"a step failed: {state.last_failure.message}")
    first = first_failure(snapshot, n) if said else None
    if first is None:
        return []
    to = Target("failure", first.n)
    rows = [row(*line.spans, to=to, copy=line.copy) for text in said for line in wrap(text, width, "bad")]
    return [*rows, row(("traceback of the first failure (X)", "accent"), to=to)]


def _cut(snapshot: RunSnapshot, n: int, width: int) -> list[Row]:
    """A warning where replies of the task model were cut."""
    found = cut_replies.cut_replies(event for event in snapshot.milestones() if event.generation == n).get(n)
    return wrap(cut_replies.sentence(n, found.replies, found.cut), width, "warn") if found else []


def _private_check(check: t.PrivateCheck, val: t.Score | None, n: int) -> list[Row]:
    """The private check, and the gap between the public and the honest score, which agents never see."""
    rows = [field("private check", ("passed", "good") if check.passed else ("failed", "bad"))]
    if check.honest:
        rows.append(field("honest score", format_score(check.honest.score, check.honest.se, check.honest.n)))
        if val:
            rows.append(field("gap", f"{decimal(val.score - check.honest.score, '+')} from honest to public"))
    if check.floor:
        rows.append(field("floor", f"{decimal(check.floor.score)}, the least honest score"))
    rows += [row((f"refused on {count:,}: ", "bad"), reason) for reason, count in check.refused.items()]
    cases = case_table((name, one.score) for name, one in check.measures.items())
    if cases:
        text = f"{len(cases)}: time, ratio and spread of each"
        rows.append(field("cases", (text, "accent"), to=Target("cases", n)))
    in_cases = {f"{case} {column}" for case, columns in cases.items() for column in columns}
    for name, one in check.measures.items():
        if name not in in_cases:
            rows.append(field(name[:14], format_score(one.score, one.se, one.n)))
    return rows


def _text_field(name: str, text: str, width: int) -> list[Row]:
    first, *rest = wrap(text, width - 15) if text else [row(("none", "dim"))]
    return [field(name, *first.spans), *(row(" " * 15, *line.spans) for line in rest)]
