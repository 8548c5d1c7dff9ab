"""The gate's verdict on a generation, as a function of the log alone."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core import budget, determinism, gate, jump
from engine.core.results import JUDGED, Results, private_check_on
from engine.core.state import State
from engine.events import types as t


def verdict(
    state: State, results: Results, generation: int, *, against: int | None = None, rule: t.Gate | None = None
) -> t.GateDecided:
    """Compares the generation's candidate with the incumbent.

    Where the verifier is noisy, or was found to be (`determinism`), both are taken as measured in this generation.
    With `rule`, another gate decides, and `against` is the generation in the incumbent's place.
    """
    now, incumbent = state.of(generation), against if rule else state.incumbent
    disturbed = results.disturbed(generation, now.candidate) if state.rules >= 5 else []
    if incumbent is None:
        score = now.execution.scores.get("val") if now.execution else None
        return gate.first_verdict(score, refused=fails_private_check(state, results, generation), disturbed=disturbed)
    rival = state.of(incumbent).candidate
    noisy, executions = state.settings.noisy, None
    at = generation if noisy else state.rotation.executed_in(incumbent, generation)
    candidate, beside = results.val(generation, now.candidate), results.val(at, rival)
    if determinism.is_measured(state):
        candidate, beside, executions = determinism.arms(state, results, generation, incumbent)
        noisy = executions is None
    disturbed += results.disturbed(generation if noisy else at, rival)
    return gate.compare(
        candidate,
        beside,
        against=incumbent,
        gate=rule or state.settings.gate,
        generations=state.settings.generations,
        noisy=noisy,
        rules=state.rules,
        groups=results.groups("val"),
        account=state.account,
        arms=(now.candidate, rival),
        executions=executions,
        refused=fails_private_check(state, results, generation),
        rival_refused=fails_private_check(state, results, incumbent),
        disturbed=disturbed,
        reserve=_reserve(state, results, generation, incumbent, recorded=rule is None),
    )


def _reserve(state: State, results: Results, generation: int, incumbent: int, *, recorded: bool) -> gate.Reserve | None:
    if not (size := budget.reserve_of(state)):
        return None
    now, instances = state.of(generation), state.domain.counts.get("val", 0)
    at = generation if state.settings.noisy else None
    candidate, beside = (results.reserve(arm, at) for arm in (now.candidate, state.of(incumbent).candidate))
    level = now.look.level if now.look and recorded else None
    return gate.Reserve(candidate, beside, results.groups("reserve"), instances / (instances + size), level)


def first_look(state: State, results: Results, generation: int) -> t.GateLooked | None:
    """The first look at a candidate that has answered `val`; None where the verdict takes none."""
    if state.incumbent is None or not budget.reserve_of(state):
        return None
    decided = verdict(state, results, generation)
    if decided.level is None:
        return None
    first = decided.looks[0]
    return t.GateLooked(state.incumbent, decided.level, first, gate.is_open(state.settings.gate, first))


def judge(state: State, results: Results, generation: int) -> t.GateDecided | t.ApprovalAsked:
    """The verdict that is recorded: a jump is first a question to a person, who then decides (rules 3)."""
    decided = verdict(state, results, generation)
    if state.rules < 3 or not (why := jump.reason(state, decided, generation)):
        return decided
    if (answer := state.answer) is None:
        return t.ApprovalAsked(generation, state.of(generation).candidate.harness, why)
    if answer.answer == "yes":
        return replace(decided, reason=f"{decided.reason}; approved by {answer.by}")
    said = f": {answer.reason}" if answer.reason else ""
    return replace(decided, accepted=False, reason=f"rejected: {why}, and {answer.by} declined it{said}")


def fails_private_check(state: State, results: Results, generation: int) -> bool:
    """Whether the candidate of `generation` fails the private check, as far as it has been executed."""
    one = state.of(generation)
    found = one.execution.private if one.execution else private_check_on(results.of(generation, one.candidate), *JUDGED)
    return bool(found and not found.passed)
