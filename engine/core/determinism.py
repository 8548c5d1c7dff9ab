"""Whether a score is deterministic, where there is but one: measured by the run, not declared (rules 5).

Where `val` is one instance, answered once, no test is possible: of two scores one is higher. That says something only
if a score comes out the same each time. So the first candidate is executed `FIRST` times, and each that one score would
accept `AGAIN` times, in fresh processes and with fresh seeds, as repeats have. As long as all executions of each
candidate agree, one score decides. Once any differ, that is noise, whatever the domain declares: from then on each
candidate and the incumbent are executed side by side, as often as the permutation test needs to reach the level. So
they are where a budget, raised later, left too few executions of the first candidate to know.

Scores that differ continuously never pass as deterministic. Of scores with two values, one of them in a share q of all
executions, (1 - q)^FIRST q^(AGAIN - 1) do: at most 1.5% of runs, however many generations they have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.core.decide import last_generation
from engine.core.gate import AGAIN, fewest_units, threshold
from engine.core.results import Results
from engine.core.state import State
from engine.core.units import Row
from engine.events import types as t

FIRST = 5
_STRIDE = 64
"""The repeats of the pairs of generation n begin at n times this: seeds that no other execution had."""


class Due(NamedTuple):
    """Executions of `val` that a verdict needs: of the candidate, or in pairs with the incumbent."""

    repeats: Sequence[int]
    paired: bool


class Arms(NamedTuple):
    """The scores that the gate compares, and how many executions of the candidate agree (None: noise was found)."""

    candidate: dict[Row, float]
    incumbent: dict[Row, float]
    executions: int | None


def is_measured(state: State) -> bool:
    """Whether this run measures its noise: it has one score, which is not declared noisy, and judges candidates."""
    return state.rules >= 5 and _applies(state.settings, state.domain.counts.get("val", 0))


def _applies(settings: t.Settings, val: int) -> bool:
    return val == 1 and settings.repeats == 1 and not settings.noisy and last_generation(settings) > 1


def executions_at_most(settings: t.Settings, val: int) -> tuple[int, int]:
    """How often a run on `val` instances executes one again to measure its noise: if it finds none, and at most."""
    if not _applies(settings, val):
        return 0, 0
    judged, pairs = last_generation(settings) - 1, fewest_units(threshold(settings.gate, settings.generations))
    return FIRST - 1 + judged * (AGAIN - 1), FIRST - 1 + AGAIN - 1 + 2 * judged * pairs


def due(state: State, results: Results, generation: int) -> Due | None:
    """What is to be executed again before the verdict on `generation`, as far as its results say."""
    if not is_measured(state):
        return None
    now = state.of(generation).candidate
    rows = results.val(generation, now)
    if _takes_pairs(state, results) and state.incumbent:
        rival = results.val(generation, state.of(state.incumbent).candidate)
        pairs = fewest_units(threshold(state.settings.gate, state.settings.generations))
        wanted = range(generation * _STRIDE, generation * _STRIDE + pairs)
        done = {repeat for _, repeat in rows.keys() & rival.keys()}
        return _due([repeat for repeat in wanted if repeat not in done], paired=True)
    times = FIRST if state.incumbent is None else AGAIN if _is_ahead(state, results, generation) else 1
    done = {repeat for _, repeat in rows}
    return _due([repeat for repeat in range(times) if repeat not in done], paired=False)


def _takes_pairs(state: State, results: Results) -> bool:
    """Whether one score is noise as far as is known: it differed, or was not measured as often as that takes."""
    return results.is_noisy or (state.incumbent is not None and len(results.val(1, state.of(1).candidate)) < FIRST)


def _due(repeats: Sequence[int], *, paired: bool) -> Due | None:
    return Due(repeats, paired) if repeats else None


def _is_ahead(state: State, results: Results, generation: int) -> bool:
    """Whether one score would accept the candidate."""
    candidate, incumbent, _ = arms(state, results, generation, state.incumbent or 1)
    return any(
        score - incumbent.get(row, score) > state.settings.gate.minimum_effect for row, score in candidate.items()
    )


def arms(state: State, results: Results, generation: int, incumbent: int) -> Arms:
    """What the gate compares in a run that measures its noise."""
    rows, rival = results.val(generation, state.of(generation).candidate), state.of(incumbent).candidate
    if _takes_pairs(state, results):
        beside = results.val(generation, rival)
        return Arms(_pairs(rows), _pairs(beside), None)
    return Arms(_first(rows), _first(results.val(incumbent, rival)), len(rows))


def _first(rows: dict[Row, float]) -> dict[Row, float]:
    return {row: score for row, score in rows.items() if row[1] == 0}


def _pairs(rows: dict[Row, float]) -> dict[Row, float]:
    return {row: score for row, score in rows.items() if row[1] >= _STRIDE}


def rival(state: State, results: Results) -> t.Candidate | None:
    """The incumbent, where it is executed beside each candidate: the verifier is declared noisy, or was found to be."""
    if state.incumbent and is_measured(state) and _takes_pairs(state, results):
        return state.of(state.incumbent).candidate
    return state.rival
