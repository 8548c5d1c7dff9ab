"""Hard caps: what a run has spent, when to warn, and when the next Execution cannot be afforded."""

from __future__ import annotations

from engine.core.state import State
from engine.events import types as t

WARNINGS = (0.5, 0.8)


def spending(state: State) -> dict[str, tuple[float, float]]:
    """(spent, cap) of every resource that has a cap. Reused evaluations count like fresh ones."""
    caps, spent = state.settings.budget, state.spent
    rows = {
        "evaluations": (spent.evaluations + spent.reused, caps.evaluations),
        "minutes": (spent.seconds / 60, caps.minutes),
        "usd": (spent.usd, caps.usd),
        "tokens": (spent.tokens + spent.reused_tokens, caps.tokens),
    }
    return {name: (float(now), float(cap)) for name, (now, cap) in rows.items() if cap is not None}


def warning(state: State) -> t.BudgetWarned | None:
    """The next warning that is due, if any."""
    for name, (now, cap) in spending(state).items():
        for share in WARNINGS:
            if now >= share * cap and f"{name}:{share:g}" not in state.warned:
                return t.BudgetWarned(name, share, now, cap)
    return None


def reserve_of(state: State) -> int:
    """How many instances the run has for a second look (rules 5); none where fresh vals are drawn from the reserve."""
    return state.domain.counts.get("reserve", 0) if state.rules >= 5 and not state.settings.rotate else 0


def reserve_cost(state: State) -> int:
    """How many evaluations the second look of the next Execution may need.

    The incumbent answers the reserve once; where the verifier is noisy, again beside each candidate.
    """
    if state.incumbent is None or not (size := reserve_of(state)):
        return 0
    verdicts = [(one.n, one.verdict) for one in state.generations if one.verdict and len(one.verdict.looks) > 1]
    answered = any(state.incumbent in (n, verdict.against) for n, verdict in verdicts)
    return (1 if answered and not state.settings.noisy else 2) * state.settings.repeats * size


def execution_cost(state: State) -> int:
    """How many evaluations the next Execution needs; more, by `reserve_cost`, where its first look is open."""
    settings, counts = state.settings, state.domain.counts
    at = state.generation + bool(not state.current or state.current.execution)
    beside = settings.noisy or state.rotation.begins_at(at)
    arms = 2 if beside and state.incumbent is not None else 1
    votes = settings.generations if settings.lever == "best-of-n" else 1
    sampled = min(settings.train_sample, counts.get("train", 0))
    return votes * settings.repeats * (arms * counts.get("val", 0) + sampled)


def refusal(state: State) -> t.BudgetExhausted | None:
    """The event that says why the next Execution cannot be afforded; None where it can. A cap is never exceeded.

    Since rules 5 an Execution whose results are all there, as its engine ended then, needs nothing more.
    """
    left = execution_cost(state) + reserve_cost(state) - state.executed
    if state.rules >= 5 and left <= 0:
        return None
    for name, (now, cap) in spending(state).items():
        need = left if name == "evaluations" else 0
        if now >= cap or now + need > cap:
            return exhaustion(name, now, cap, need)
    return None


def exhaustion(name: str, now: float, cap: float, need: int = 0) -> t.BudgetExhausted:
    """The event that ends a run whose budget of `name` is used up; `need` is what the next Execution takes."""
    more = f", and the next execution takes {need}" if need and now < cap else ""
    return t.BudgetExhausted(name, now, cap, f"the budget of {cap:g} {name} is used up ({now:.4g} spent{more})")


def allows(state: State, evaluations: int) -> bool:
    """Whether the cap allows so many more evaluations."""
    now, cap = spending(state).get("evaluations", (0.0, float("inf")))
    return now + evaluations <= cap


def affordable_evaluations(state: State) -> int | None:
    """How many evaluations an Improvement may use, so that the next Execution can be afforded; None is no cap."""
    cap = state.settings.budget.evaluations
    if cap is None:
        return None
    return max(0, cap - state.spent.evaluations - state.spent.reused - execution_cost(state) - reserve_cost(state))
