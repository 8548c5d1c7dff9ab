"""The run as a whole: where it stands, generations, baselines, sealed test, spend, hints, settings and notes."""

from __future__ import annotations

from engine.core import budget, power
from engine.core.account import sentence
from engine.core.decide import standing
from engine.core.state import Generation, State
from engine.events import readings
from engine.events import types as t
from engine.queries import cut_replies, optimism, present_val, score_course
from engine.queries.run_report import account_of
from engine.queries.settings_origin import flat
from sia_tui.app.model import failures
from sia_tui.app.model.failures import Failures, failures_by_generation, first_failure
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.run import isolation
from sia_tui.app.pages.run.dashboard import dashboard
from sia_tui.app.rows.row import BLANK, Page, Row, Span, Target, Tone, empty_page, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_duration, format_gap, format_honest, format_score
from sia_tui.cli import formats
from sia_tui.cli.formats import STEP_NAMES, amount, checked, plural


def build(snapshot: RunSnapshot, _target: Target, width: int) -> Page:
    """The page of the run."""
    state = snapshot.state
    if state.settings is None or state.domain is None:
        return empty_page("run", "no events yet")
    rows: list[Row] = [
        *dashboard(snapshot, width),
        *_summary(state, width),
        *_failed_step(snapshot, width),
        *_generations(snapshot),
        *_cut(snapshot, width),
        *_account(state, width),
        *_baselines(state),
        *_sealed_test(snapshot),
        *_spend(state),
        *_hints(state, width),
        *_notebook(state, width),
        BLANK,
        heading("settings"),
        *(field(key, formats.value(value)) for key, value in flat(state.settings).items() if key != "script"),
    ]
    if state.notes:
        rows += [BLANK, heading("notes"), *(line for note in state.notes for line in wrap(note, width))]
    return Page(state.name, rows)


def _summary(state: State, width: int) -> list[Row]:
    level = isolation.level(state)
    apart = f": {isolation.IN_SHORT[level]}" if level in isolation.IN_SHORT else ""
    counts = ", ".join(f"{n:,} {split}" for split, n in state.domain.counts.items())
    rows = [
        *wrap(state.domain.title, width, "strong"),
        *wrap(f"{standing(state)}.", width, "bad" if state.held else ""),
        BLANK,
        field("run", f"{state.name} ({state.run})"),
        field("domain", f"{state.domain.name}: {counts}"),
        field("isolation", (level or "unknown", isolation.TONES.get(level, "warn")), apart, to=Target("isolation")),
    ]
    best = state.incumbent
    if best is not None and (val := present_val.score(state)):
        of = f"val {present_val.number(state)}" if state.settings.rotate else "val"
        text = f"generation {best}: {format_score(val.score, val.se, val.n)} on {val.n:,} of {of}"
        rows.append(field("best", text, to=Target("generation", best)))
        rows += _honest(state, best, val.score)
        if share := optimism.optimism(state):
            rows += wrap(optimism.sentence(share, val.score), width, "dim")
    return rows


def _honest(state: State, best: int, public: float) -> list[Row]:
    """The honest score of the best candidate, and the score on the sealed test once that was read, with their gaps."""
    execution, rows = state.of(best).execution, []
    if execution and (honest := score_course.honest(execution.private)):
        val = execution.scores["val"].score
        rows.append(field("honest", format_gap(val, honest.score, "the private check")))
    if state.tested:
        rows.append(field("sealed test", format_gap(public, state.tested.score.score, "instances never used")))
    return rows


def _generations(snapshot: RunSnapshot) -> list[Row]:
    state = snapshot.state
    failed = failures_by_generation(snapshot)
    return [
        BLANK,
        heading("generations", "enter opens one"),
        *(_generation(state, one, failed.get(one.n), best=one.n == state.incumbent) for one in state.generations),
        row(("scores by generation", "accent"), to=Target("scores")),
        row(("map of generations and instances", "accent"), to=Target("map")),
        row(("cost", "accent"), to=Target("cost")),
    ]


def _cut(snapshot: RunSnapshot, width: int) -> list[Row]:
    """A warning for each generation in which replies of the task model were cut."""
    found = cut_replies.cut_replies(snapshot.milestones()).items()
    return [line for n, one in found for line in wrap(cut_replies.sentence(n, one.replies, one.cut), width, "warn")]


def _account(state: State, width: int) -> list[Row]:
    """Where the account of error of the lineage stands, as far as the run knows at this event, and what it can see."""
    facts, found = account_of(state, state.account), power.detectable(state, state.account)
    rows = wrap(sentence(**facts), width, "dim" if facts["left"] > 0 else "warn") if facts and facts["judged"] else []
    return [*rows, *(wrap(f"{power.sentence(found)}.", width, "dim") if found else [])]


def _failed_step(snapshot: RunSnapshot, width: int) -> list[Row]:
    """The step that failed and has not succeeded since."""
    state = snapshot.state
    event = first_failure(snapshot, state.generation) if state.last_failure else None
    if state.last_failure is None or event is None or not isinstance(event.payload, t.StepFailed):
        return []
    text = f"{STEP_NAMES[event.payload.kind]} failed: {state.last_failure.message} (X: the traceback)"
    return [row(*line.spans, to=Target("failure", event.n)) for line in wrap(text, width, "bad")]


def _generation(state: State, one: Generation, failed: Failures | None, *, best: bool) -> Row:
    held, turns = state.why_held(one.n), state.rotation
    accepted, outcome = bool(one.verdict and one.verdict.accepted), score_course.outcome(state, one)
    mark = "*" if best else "+" if accepted else "-"
    tone: Tone = "good" if accepted or best else "dim"
    val = one.execution.scores.get("val") if one.execution else None
    score = format_score(val.score, val.se, val.n) if val else "running"
    score += f"  on val {turns.number(one.n)}" if turns.every else ""
    if val and one.execution and (honest := score_course.honest(one.execution.private)):
        score += f"  {format_honest(val.score, honest.score)}"
    reason: Span = (one.verdict.reason if one.verdict else "no verdict yet", "dim")
    if outcome == "refused" and one.verdict:
        mark, tone = "×", "bad"
        reason = (one.verdict.reason, "bad")
    if failed is not None and failed.total:  # its score says nothing
        mark, tone, score = "!", "bad", ""
    said: Span = (f"{failures.sentence(failed)}  " if failed else "", "bad")
    if held:
        mark, tone, reason = "!", "bad", (f"held: {held}", "bad")
    return row(
        (f"{mark} {one.n:>3} ", tone), f"{score}  " if score else "", said, reason, to=Target("generation", one.n)
    )


def _baselines(state: State) -> list[Row]:
    if not state.baseline:
        return []
    scores = state.baseline.scores.items()
    return [
        BLANK,
        heading("baselines on val"),
        *(_baseline(name, s, state.baseline.private.get(name)) for name, s in scores),
    ]


def _baseline(name: str, score: t.Score, check: t.PrivateCheck | None) -> Row:
    honest = score_course.honest(check)
    beside = f"  {format_honest(score.score, honest.score)}" if honest else ""
    refused: Span = ("  refused" if check and check.refused else "", "bad")
    return row(f"{format_score(score.score, score.se, score.n)}  {name}", refused, (beside, "dim"))


def _tested(score: t.Score, name: str, check: t.PrivateCheck | None) -> Row:
    return row(f"{format_score(score.score, score.se, score.n)}  {name} (n = {score.n:,}){checked(score.score, check)}")


def _sealed_test(snapshot: RunSnapshot) -> list[Row]:
    state, test = snapshot.state, snapshot.state.tested
    if not test:
        return []
    best, count = test.score, len(readings.known(snapshot.reader, state.domain.digest))
    return [
        BLANK,
        heading("sealed test", f"read {plural(max(count, state.unsealed), 'time')} on this machine"),
        _tested(best, "best candidate", test.private),
        *(row(f"{format_score(s.score, s.se, s.n)}  {s.name} (n = {s.n:,})") for s in test.subsets),
        *(_tested(s, f"baseline: {name}", test.private_of_baselines.get(name)) for name, s in test.baselines.items()),
    ]


def _hints(state: State, width: int) -> list[Row]:
    hints = [line for hint in state.hints for line in wrap(f"{hint.by}: {hint.text}", width)]
    return [BLANK, heading("hints", "the agent reads them at each Analysis"), *hints] if hints else []


def _notebook(state: State, width: int) -> list[Row]:
    return [BLANK, heading("the agent's notebook"), *wrap(state.notebook, width)] if state.notebook else []


def _spend(state: State) -> list[Row]:
    spent = state.spent
    return [
        BLANK,
        heading("spend"),
        field("evaluations", f"{spent.evaluations:,}", (f", {spent.reused:,} reused from the lineage", "dim")),
        field("time", format_duration(spent.seconds)),
        *(
            field(f"budget {name}", f"{amount(used)} of {amount(cap)}")
            for name, (used, cap) in budget.spending(state).items()
        ),
    ]
