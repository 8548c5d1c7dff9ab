"""What an agent is told of `val`: a ladder, so that no agent climbs on noise (rules 5).

An agent that is told every score can keep the guesses that noise favoured, and combine them into a candidate that is
better on `val` alone. On a ladder only a candidate that is significantly better than the best so far has a score, and
it is rounded to about its standard error (Blum and Hardt, "The Ladder: A Reliable Leaderboard for Machine Learning
Competitions", ICML 2015). Here the gate says who is significantly better. Of a rejected candidate an agent learns that
it was rejected: not by how much, not whether it was worse or the same. Any of these would tell of noise, if the
candidate is made so that noise decides it.

In a run that rotates (`engine.core.rotation`) a fresh `val` begins a new ladder, of which the incumbent's rounded mean
is told first. Every mean says which `val` it is of.

Where `val` is one instance whose noise, if any, is drawn anew for each generation, no noise is met twice, and agents
are told all. So are those of runs under earlier rules.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from engine.core.state import Generation, State
from engine.events import types as t


class Told(NamedTuple):
    """A judged generation in words: its score on `val`, empty where that is not told, and its verdict."""

    val: str
    verdict: str


def told(state: State, one: Generation) -> Told:
    """What agents are told of `one`, which has been executed and judged."""
    if one.execution is None or one.verdict is None:
        raise AssertionError("only what has a verdict is told")
    score, verdict = one.execution.scores.get("val", t.Score(0.0, 0.0, 0)), one.verdict
    if state.rules < 5 or _is_drawn_anew(state):
        return Told(f"{score.score:.4f} ± {score.se:.4f}", verdict.reason)
    against = f"generation {verdict.against}"
    turns = state.rotation
    of = f" on val {turns.number(one.n)}" if turns.every else ""
    if verdict.test == "none":
        return Told(rounded(score) + of, verdict.reason)
    anew = ""
    if turns.begins_at(one.n) and (beside := one.execution.incumbent):
        anew = f"; this val is fresh, and {against} has {rounded(beside)} on it"
    return _judged(one, rounded(score) + of, against, anew)


def _judged(one: Generation, score: str, against: str, anew: str) -> Told:
    verdict = one.verdict
    if verdict is None:
        raise AssertionError("only what has a verdict is told")
    if verdict.accepted:
        why = f"it passed the private check, and {against} did not" if verdict.test == "private check" else ""
        return Told(score, f"accepted: {why or f'better than {against}'}{anew}")
    if verdict.test in ("private check", "timing"):  # it says nothing of the score
        return Told("", verdict.reason + anew)
    if one.answer and one.answer.answer != "yes":
        why = f": {one.answer.reason}" if one.answer.reason else ""
        return Told("", f"rejected: {one.answer.by} declined it{why}{anew}")
    return Told("", f"rejected: not shown to be better than {against}{anew}")


def _is_drawn_anew(state: State) -> bool:
    return state.domain.counts.get("val") == 1 and (state.settings.noisy or state.settings.repeats == 1)


def rounded(score: t.Score) -> str:
    """The score to the next multiple of 1, 2 or 5 times a power of ten that is at least its standard error."""
    if not score.se:
        return f"{score.score:.4g}"
    power = 10.0 ** math.floor(math.log10(score.se))
    step = next(size for size in (power, 2 * power, 5 * power, 10 * power) if size >= score.se)
    return f"about {round(score.score / step) * step:.{max(0, -math.floor(math.log10(step)))}f}"
