"""`what-if`: the recorded results of a run under another rule of the gate, with no new effects.

Every candidate was executed on all of `val`, so it can be compared with whichever incumbent the other rule would have
kept. But a candidate is made from the incumbent of its time. Where the other rule would have kept another one, the
candidate would never have been made: the recorded results say nothing about what follows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from engine.core import gate
from engine.core.results import Results
from engine.core.state import State, evolve
from engine.core.verdict import verdict
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event
from engine.queries import score_course


class VerdictPair(msgspec.Struct, frozen=True):
    """A generation's verdict as recorded and under the other rule (None: its candidate would not have been made).

    `honest` is the mean honest score beside `val`, where the private check measured one.
    """

    n: int
    val: t.Score | None
    recorded: t.GateDecided
    what_if: t.GateDecided | None
    honest: float | None = None


class WhatIf(msgspec.Struct, frozen=True):
    """The verdicts of a run under another rule.

    `level` is the threshold for the p-value of a candidate at the end of the run, `what_if_level` the other rule's.
    `differs_at` is the first generation with another verdict, `parts_at` the first whose candidate would not have been
    made. `incumbent` is the run's best, `what_if_incumbent` the other rule's, as far as the recorded results reach.
    """

    run: str
    name: str
    rule: dict[str, float]
    level: float
    what_if_level: float
    generations: list[VerdictPair]
    differs_at: int | None
    parts_at: int | None
    incumbent: int | None
    what_if_incumbent: int | None
    summary: str


def parse_rule(assignments: Sequence[str]) -> dict[str, float]:
    """`gate.KEY=VALUE` assignments as the gate's fields; raises `SiaError` for anything else."""
    rule: dict[str, float] = {}
    for assignment in assignments:
        key, _, text = assignment.partition("=")
        name = key.removeprefix("gate.")
        if not key.startswith("gate.") or name not in t.Gate.__struct_fields__:
            known = ", ".join(f"gate.{field}" for field in t.Gate.__struct_fields__)
            raise SiaError(f"{assignment!r} is not a rule of the gate", f"write KEY=VALUE with one of {known}")
        try:
            rule[name] = float(text)
        except ValueError:
            rule[name] = math.nan
        if not (math.isfinite(rule[name]) if name == "minimum_effect" else 0 < rule[name] < 1):
            kind = "a number" if name == "minimum_effect" else "a number between 0 and 1"
            raise SiaError(f"{text!r} cannot be {key}", f"give {kind}")
    return rule


def what_if(history: Iterable[Event], rule: Mapping[str, float]) -> WhatIf:
    """Decides on every generation of `history` under `rule`, in order."""
    state, results = State(), Results()
    rows: dict[int, VerdictPair] = {}
    incumbent: int | None = None
    parts_at: int | None = None
    for event in history:
        payload = event.payload
        if isinstance(payload, t.GateDecided):
            n = event.generation
            if parts_at is None and not _made_from(state, n, incumbent):
                parts_at = n
            other = None if parts_at else _judge(state, results, payload, n, incumbent, rule)
            if other is not None and other.accepted:
                incumbent = n
            now = state.of(n).execution
            found = score_course.honest(now.private) if now else None
            rows[n] = VerdictPair(
                n, now.scores.get("val") if now else None, payload, other, found.score if found else None
            )
        elif isinstance(payload, t.RunForked) and payload.branch is not None:
            # the generations after the branch are not of this run, and a person named its incumbent
            rows = {n: row for n, row in rows.items() if n <= payload.branch}
            if parts_at is None or parts_at > payload.branch:
                parts_at, incumbent = None, payload.branch
        state = evolve(state, event)
        results.add(event)
    judged = [rows[n] for n in sorted(rows)]
    last = {"judged": max(0, state.account.judged - 1), "n": judged[-1].recorded.n if judged else 1}
    differs_at = next((row.n for row in judged if row.what_if and row.what_if.accepted != row.recorded.accepted), None)
    return WhatIf(
        run=state.run,
        name=state.name,
        rule={f"gate.{name}": value for name, value in rule.items()},
        level=gate.level(state.settings.gate, state.settings.generations, **last),
        what_if_level=gate.level(replace(state.settings.gate, **rule), state.settings.generations, **last),
        generations=judged,
        differs_at=differs_at,
        parts_at=parts_at,
        incumbent=state.incumbent,
        what_if_incumbent=incumbent,
        summary=_summary(judged, differs_at, parts_at, state, incumbent),
    )


def _made_from(state: State, n: int, incumbent: int | None) -> bool:
    parents = [] if incumbent is None else [state.of(incumbent).candidate.harness]
    return state.versions[n].parents == parents


def _judge(
    state: State, results: Results, recorded: t.GateDecided, n: int, incumbent: int | None, rule: Mapping[str, float]
) -> t.GateDecided:
    if state.answer and not recorded.accepted:
        return recorded  # a person declined the jump, whatever the rule
    return verdict(state, results, n, against=incumbent, rule=replace(state.settings.gate, **rule))


def _summary(
    judged: Sequence[VerdictPair], differs_at: int | None, parts_at: int | None, state: State, other: int | None
) -> str:
    if not judged:
        return "no candidate has a verdict yet"
    if differs_at is None and parts_at is None:
        return "every verdict would have been the same"
    words = ""
    if differs_at is not None:
        row = next(row for row in judged if row.n == differs_at)
        words = f"generation {differs_at} would have been {'rejected' if row.recorded.accepted else 'accepted'}; "
    if parts_at is not None:
        return f"{words}from generation {parts_at} on the run would have differed"
    words += f"the best would be generation {other} instead of generation {state.incumbent}"
    last = state.of(judged[-1].n)
    went_on = last.analysis is not None or last.failed_improvements
    return f"{words}, and what followed generation {last.n} would have differed" if went_on else words
