"""The gate's verdict on a generation, as a function of the log alone."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core import determinism, gate, jump
from engine.core.results import Results
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
        return gate.first_verdict(score, refused=fails_private_check(state, generation), disturbed=disturbed)
    rival = state.of(incumbent).candidate
    noisy, executions = state.settings.noisy, None
    candidate, beside = results.val(generation, now.candidate), results.val(generation if noisy else incumbent, rival)
    if determinism.is_measured(state):
        candidate, beside, executions = determinism.arms(state, results, generation, incumbent)
        noisy = executions is None
    disturbed += results.disturbed(generation if noisy else incumbent, rival)
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
        refused=fails_private_check(state, generation),
        rival_refused=fails_private_check(state, incumbent),
        disturbed=disturbed,
    )


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


def fails_private_check(state: State, generation: int) -> bool:
    """Whether the candidate of `generation` fails the private check."""
    execution = state.of(generation).execution
    return bool(execution and execution.private and not execution.private.passed)
