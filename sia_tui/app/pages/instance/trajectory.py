"""The trajectory of an instance: its results in all generations, and why one of them fixed or broke it."""

from __future__ import annotations

from engine.core.results import JUDGED
from engine.events import types as t
from engine.events.event import Event
from engine.plain import decimal
from sia_tui.app.model.instance_inputs import known
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.blob import answer_text, blob_text
from sia_tui.app.rows.event_line import grade_mark
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, field, heading, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.rows.units import format_duration, format_score
from sia_tui.cli.formats import plural

_MAX_CHARACTERS = 200_000
"""Characters of an answer or a log that are wrapped. `y` on its first line copies all of it."""
_INDENT = 15
_MAX_ROWS = 60


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The trajectory of instance `target.first`; it starts with what generation `target.second` did to it."""
    name, generation = str(target.first), int(target.second or 0)
    rows: list[Row] = [
        row((name, "strong"), copy=name),
        row(("bisect: which candidate fixed or broke it", "accent"), to=Target("bisect", name, generation)),
    ]
    results = list(snapshot.results(name))
    if generation:  # why it changed comes first: an input may be longer than the screen
        rows += _change(snapshot, name, generation, [result for _, result in results], width)
    rows += _input(snapshot, name, results[0][1].split if results else "val", width)
    if not results:
        return Page(name, [*rows, row(("no candidate has been executed on it at this event", "dim"))])
    for event, result in results:
        rows += _result(snapshot, event, result, width)
    return Page(name, rows)


def _input(snapshot: RunSnapshot, name: str, split: str, width: int) -> list[Row]:
    """The instance's input, where its data is at hand, else why not; nothing of the sealed test."""
    inputs = known(snapshot.state.domain) if split != "test" else None
    if inputs is None:
        return []
    if text := inputs.text(split, name):
        return [BLANK, *_text_field("input", text, width)]
    return [BLANK, *_text_field("input", inputs.missing or "not at hand", width, "dim")]


def _change(snapshot: RunSnapshot, name: str, n: int, results: list[t.InstanceFinished], width: int) -> list[Row]:
    """The two answers, and what candidate `n` changed; nothing where it neither fixed nor broke the instance."""
    state = snapshot.state
    verdict = state.of(n).verdict if 1 <= n <= len(state.generations) else None
    if verdict is None or verdict.against is None:
        return []
    against = verdict.against or 1
    change = "broken" if name in verdict.broken else "fixed" if name in verdict.fixed else ""
    if not change:
        return []
    rows = [BLANK, heading(f"{change} by generation {n}", f"against generation {against}")]
    for number in (against, n):
        harness = state.of(number).candidate.harness
        own = [result for result in results if result.harness == harness and result.split in JUDGED]
        if own:
            mark, tone = grade_mark(own[-1])
            text = own[-1].failure.message if own[-1].failure else answer_text(snapshot, own[-1])
            score = (f"{mark} {own[-1].score:.3f}  ", tone)
            rows.append(field(f"generation {number}", score, *wrap(text, width - 25)[0].spans, copy=text))
    if version := state.versions.get(n):
        rows += [row(("what it changed:", "dim")), *wrap(version.changed or version.reason, width)]
        rows.append(row(("difference of the harnesses", "accent"), to=Target("diff", against, n)))
    return rows


def _result(snapshot: RunSnapshot, event: Event, result: t.InstanceFinished, width: int) -> list[Row]:
    mark, tone = grade_mark(result)
    repeat = f", repeat {result.repeat}" if result.repeat else ""
    reused = ", reused from the lineage" if result.reused else ""
    time = f"  {format_duration(result.cpu_s)} CPU, {format_duration(result.wall_s)}"
    rows = [
        BLANK,
        row(
            (f"{mark} generation {event.generation}", "title"),
            (f"  {result.split}{repeat}{reused}", "dim"),
            to=Target("event", event.n),
        ),
        field("score", (format_score(result.score), tone), (time, "dim")),
    ]
    if result.honest is not None:
        floor = "" if result.floor is None else f", must reach {decimal(result.floor)}"
        rows.append(field("honest score", f"{decimal(result.honest)}{floor}"))
    rows += [field(name[:14], f"{decimal(value)}") for name, value in result.measures.items()]
    if result.refused:
        rows.append(field("refused", (result.refused, "bad")))
    if result.disturbed:
        rows.append(field("disturbed", (result.disturbed, "warn")))
    if result.failure:
        rows.append(field("failure", (f"{result.failure.kind}: ", "warn")))
        rows += wrap(result.failure.message, width, "warn")
    else:
        rows += _text_field("answer", answer_text(snapshot, result), width)
    rows += _model_calls(snapshot, event.generation, result)
    if result.detail:
        rows += _text_field("detail", result.detail, width)
    if result.log:
        rows += _text_field("log", blob_text(snapshot, result.log), width, "dim")
    return rows


def _model_calls(snapshot: RunSnapshot, generation: int, result: t.InstanceFinished) -> list[Row]:
    rows: list[Row] = []
    place = f"{result.split}/{result.instance}/{result.repeat}"
    for event in snapshot.reader.calls_at(snapshot.run_id, place, until=snapshot.n):
        call = event.payload
        if isinstance(call, t.ModelCalled) and call.harness == result.harness and event.generation == generation:
            tokens = f"{call.usage.input + call.usage.cache_read:,} + {plural(call.usage.output, 'token')}"
            time = "reused from the lineage" if call.reused else format_duration(call.latency_s)
            text = f"{call.ordinal}: {tokens}, {time}"
            rows.append(field("model call", (text, "accent"), to=Target("event", event.n)))
        elif isinstance(call, t.ToolCalled) and call.harness == result.harness and event.generation == generation:
            text = f"{call.ordinal}: {call.name}" + (", refused" if call.failed else "")
            rows.append(field("tool", (text, "accent"), to=Target("event", event.n)))
    return rows


def _text_field(name: str, text: str, width: int, tone: Tone = "") -> list[Row]:
    first, *rest = wrap(text[:_MAX_CHARACTERS], width - _INDENT, tone, limit=_MAX_ROWS)
    folded = [line._replace(spans=((" " * _INDENT, ""), *line.spans), copy=text) for line in rest]
    return [field(name, *first.spans, copy=text), *folded]
