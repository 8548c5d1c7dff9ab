"""An instance: what every candidate made of it, and, where one fixed or broke it, what that one did otherwise."""

from __future__ import annotations

import contextlib
from typing import Any

import msgspec

from engine.errors import SiaError
from engine.evaluation.answer_codec import unpack
from engine.events import types as t
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.event_line import grade
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, fact, heading, prose, row, seconds

_MOST = 200_000
"""No more characters of an answer or a log are laid out; `y` on its line copies all of them."""


def build(moment: Moment, target: Target, width: int) -> Page:
    """The trajectory of instance `target.first`; reading begins at generation `target.second`."""
    name, wanted = str(target.first), int(target.second or 0)
    rows: list[Row] = [row((name, "strong"), copy=name), row(("bisect: which candidate did it", "accent"),
                                                              to=Target("bisect", name))]  # fmt: skip
    cursor = 0
    shown = list(moment.results(name))
    if not shown:
        return Page(name, [*rows, row(("no candidate has met it at this event", "dim"))])
    if wanted:
        rows += _why(moment, name, wanted, [one for _, one in shown], width)
    for event, one in shown:
        if event.generation == wanted and not cursor:
            cursor = len(rows) + 1 if not wanted else 0
        rows += _met(moment, event.n, event.generation, one, width)
    return Page(name, rows, cursor)


def _why(moment: Moment, name: str, n: int, shown: list[t.InstanceFinished], width: int) -> list[Row]:
    """The two answers side by side, and what the candidate changed."""
    state = moment.state
    one = state.of(n) if 1 <= n <= len(state.generations) else None
    if one is None or one.verdict is None or one.verdict.against is None:
        return []
    verdict, against = one.verdict, one.verdict.against or 1
    word = "broken" if name in verdict.broken else "fixed" if name in verdict.fixed else ""
    if not word:
        return []
    rows = [BLANK, heading(f"{word} by generation {n}", f"against generation {against}")]
    for number in (against, n):
        harness = state.of(number).candidate.harness
        met = [result for result in shown if result.harness == harness and result.split == "val"]
        if met:
            mark, tone = grade(met[-1])
            text = met[-1].failure.message if met[-1].failure else _answer(moment, met[-1])
            rows += [
                fact(f"generation {number}", (f"{mark} {met[-1].score:.3f}  ", tone), line.spans[0])
                for line in prose(text, width - 25, limit=1)
            ]
    version = state.versions.get(n)
    if version:
        rows += [row(("what it changed:", "dim")), *prose(version.changed or version.reason, width)]
        rows.append(row(("difference of the two harnesses", "accent"), to=Target("diff", against, n)))
    return rows


def _met(moment: Moment, at: int, generation: int, one: t.InstanceFinished, width: int) -> list[Row]:
    mark, tone = grade(one)
    again = f", repeat {one.repeat}" if one.repeat else ""
    reused = ", taken from the lineage" if one.reused else ""
    rows = [
        BLANK,
        row(
            (f"{mark} generation {generation}", "title"),
            (f"  {one.split}{again}{reused}", "dim"),
            to=Target("event", at),
        ),
        fact("score", (f"{one.score:.4f}", tone), (f"  {seconds(one.cpu_s)} CPU, {seconds(one.wall_s)}", "dim")),
    ]
    if one.honest is not None:
        floor = "" if one.floor is None else f", must reach {one.floor:.4f}"
        rows.append(fact("honest score", f"{one.honest:.4f}{floor}"))
    rows += [fact(name[:14], f"{value:.4f}") for name, value in one.measures.items()]
    if one.refused:
        rows.append(fact("refused", (one.refused, "bad")))
    if one.failure:
        rows += [fact("failure", (f"{one.failure.kind}: ", "warn")), *prose(one.failure.message, width, "warn")]
    else:
        rows += _block("answer", _answer(moment, one), width)
    for event in moment.reader.calls_at(moment.run, f"{one.split}/{one.instance}/{one.repeat}", until=moment.n):
        call = event.payload
        if isinstance(call, t.ModelCalled) and call.harness == one.harness and event.generation == generation:
            took = "taken from the lineage" if call.reused else seconds(call.latency_s)
            tokens = f"{call.usage.input + call.usage.cache_read:,} + {call.usage.output:,} tokens"
            rows.append(
                fact("model call", (f"{call.ordinal}: {tokens}, {took}", "accent"), to=Target("event", event.n))
            )
    if one.detail:
        rows += _block("detail", one.detail, width)
    if one.log:
        rows += _block("log", text_of(moment, one.log), width, "dim")
    return rows


def _block(name: str, text: str, width: int, tone: Tone = "") -> list[Row]:
    lines = prose(text[:_MOST], width - 15, tone, limit=60)
    rest = [line._replace(spans=((" " * 15, ""), *line.spans), copy=text) for line in lines[1:]]
    first = fact(name, *(lines[0].spans if lines else ()))
    return [first._replace(copy=text), *rest]


def answer_of(moment: Moment, one: t.InstanceFinished) -> Any:
    """What the harness answered; in brackets why it is not there."""
    if not one.answer:
        return "(none)"
    if not one.answer.startswith(t.BLOB):
        return msgspec.json.decode(one.answer)
    try:
        return unpack(one.answer, moment.reader.blob)
    except SiaError as error:
        return f"({error})"


def _answer(moment: Moment, one: t.InstanceFinished) -> str:
    answer = answer_of(moment, one)
    return answer if isinstance(answer, str) else msgspec.json.encode(answer).decode()


def text_of(moment: Moment, name: str) -> str:
    """The text of a blob, or why it is not there."""
    with contextlib.suppress(SiaError):
        return moment.reader.blob(name).decode("utf-8", "surrogateescape")
    return "(left out when this run was exported, or lost)"
