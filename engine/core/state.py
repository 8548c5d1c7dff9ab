"""The state of a run at an event: `state = fold(evolve, events)`. Pure: no clock, no file, no effect."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from engine.core.account import UNUSED, Account
from engine.core.rotation import Rotation, rotation
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import Event, fitting

ENGINE_ENDED = "the engine ended"
"""Why a reading of the sealed test abandons a step that an engine that died had left open."""
Status = Literal["new", "running", "paused", "stopped", "finished", "failed"]


class Generation(msgspec.Struct, frozen=True):
    """One generation, with what has been recorded of it so far; `answer` is a person's to a jump."""

    n: int
    candidate: t.Candidate
    look: t.GateLooked | None = None
    execution: t.ExecutionFinished | None = None
    verdict: t.GateDecided | None = None
    answer: t.ApprovalGiven | None = None
    analysis: t.AnalysisFinished | None = None
    failed_improvements: tuple[str, ...] = ()
    finished: bool = False


class OpenStep(msgspec.Struct, frozen=True):
    """A step that was started and has no result yet."""

    kind: t.StepKind
    generation: int
    attempt: int
    started_at: int
    evaluations: int = 0


class Spent(msgspec.Struct, frozen=True):
    """What the run has used. `reused` counts what the lineage held already; it counts in matched budgets."""

    evaluations: int = 0
    reused: int = 0
    seconds: float = 0.0
    usd: float = 0.0
    tokens: int = 0
    reused_tokens: int = 0


class State(msgspec.Struct, frozen=True):
    """A run at one event.

    `awaiting` is the candidate that needs a person's approval; `held` is why, if it has been executed, and `answer`
    what the person said then.
    `root_seed` is the seed with which the lineage began: what is executed and on which folds never depends on a fork's
    own seed, so that candidates of one lineage stay comparable. `settings.seed` drives what agents propose.
    `account` is the lineage's error as far as this history says, what its own prefix in other runs spent included.
    `executed` and `executing_us` are the results and the time of the Execution under way, in all its attempts.
    `versions` and `adapters` are the candidates' by number; one without an adapter has the base model's weights.
    """

    run: str = ""
    status: Status = "new"
    rules: int = 0
    name: str = ""
    _domain: t.DomainRef | None = None
    _settings: t.Settings | None = None
    root_seed: int = 0
    isolation: dict[str, object] = {}
    parent: str | None = None
    baseline: t.BaselineMeasured | None = None
    generations: tuple[Generation, ...] = ()
    versions: dict[int, t.HarnessWritten] = {}
    adapters: dict[int, str] = {}
    incumbent: int | None = None
    open_step: OpenStep | None = None
    attempts: int = 0
    failures: int = 0
    last_failure: t.Failure | None = None
    rewrites: int = 0
    spent: Spent = Spent()
    executed: int = 0
    executing_us: int = 0
    fruitless: int = 0
    awaiting: int | None = None
    approved: int | None = None
    held: str = ""
    answer: t.ApprovalGiven | None = None
    declined: tuple[t.HarnessWritten, ...] = ()
    warned: tuple[str, ...] = ()
    exhausted: t.BudgetExhausted | None = None
    reason: str = ""
    unsealed: int = 0
    tested: t.TestUnsealed | None = None
    account: Account = UNUSED
    notes: tuple[str, ...] = ()
    hints: tuple[t.RunHinted, ...] = ()
    notebook: str = ""
    n: int = 0
    hash: str = ""

    def why_held(self, n: int) -> str:
        """Why generation `n`, which has been executed, is not accepted without a person; else empty."""
        return self.held if self.awaiting == n else ""

    @property
    def current(self) -> Generation | None:
        """The latest generation."""
        return self.generations[-1] if self.generations else None

    @property
    def generation(self) -> int:
        """The number of the latest generation; 0 before the first."""
        return len(self.generations)

    def of(self, n: int) -> Generation:
        """Generation `n`, from 1."""
        return self.generations[n - 1]

    def version(self, commit: str) -> t.HarnessWritten:
        """A harness version of that commit: the newest, since a training keeps the commit."""
        return next(version for version in reversed(self.versions.values()) if version.commit == commit)

    @property
    def weights(self) -> str | None:
        """The incumbent's adapter, under which a new harness is tried and executed."""
        return self.of(self.incumbent).candidate.weights if self.incumbent else None

    @property
    def rival(self) -> t.Candidate | None:
        """The incumbent, where it is executed beside the candidate: the verifier is noisy, or `val` is fresh."""
        beside = self.incumbent and (self.settings.noisy or self.rotation.begins_at(self.generation))
        return self.of(self.incumbent).candidate if beside and self.incumbent else None

    @property
    def settings(self) -> t.Settings:
        """The settings of a run that has started."""
        if self._settings is None:
            raise SiaError("the history does not begin with run.started", "run `sia verify`")
        return self._settings

    @property
    def rotation(self) -> Rotation:
        """Which `val` each generation is judged on."""
        return rotation(self.settings, self.domain.counts)

    @property
    def domain(self) -> t.DomainRef:
        """The domain of a run that has started."""
        if self._domain is None:
            raise SiaError("the history does not begin with run.started", "run `sia verify`")
        return self._domain


def fold(events: Iterable[Event], state: State | None = None) -> State:
    """The state after `events`."""
    state = state or State()
    for event in events:
        state = evolve(state, event)
    return state


def evolve_results(state: State, fresh: int, reused: int, event: Event) -> State:
    """The state after consecutive `instance.finished` events, the last of which is `event`: as `evolve` one by one."""
    votes = state.current.candidate.votes if state.current else 1
    fresh, reused = votes * fresh, votes * reused
    state = replace(_add_step_time(state, event), n=event.n, hash=event.hash, executed=state.executed + fresh + reused)
    return _evaluated(state, fresh, reused)


@fitting
def evolve(state: State, event: Event) -> State:
    """The state after one more event; raises `DoesNotFit`."""
    payload = event.payload
    if isinstance(payload, t.InstanceFinished):
        return evolve_results(state, int(not payload.reused), int(payload.reused), event)
    state = replace(_add_step_time(state, event), n=event.n, hash=event.hash)
    match payload:
        case t.RunStarted():
            return replace(
                replace(state, run=event.run, status="running", rules=payload.rules, name=payload.name),
                _domain=payload.domain,
                _settings=payload.settings,
                root_seed=payload.settings.seed,
                isolation=payload.isolation,
            )
        case t.RunForked():
            child = replace(_reopened(state, payload.settings), run=event.run, name=payload.name, parent=payload.parent)
            return _branched(replace(child, open_step=None), payload.branch)
        case t.RunPaused() | t.RunStopped():
            return replace(state, status="paused" if isinstance(payload, t.RunPaused) else "stopped")
        case t.RunFinished(reason=reason):
            return replace(state, status="finished", reason=reason)
        case t.RunFailed(failure=failure):
            return replace(state, status="failed", reason=failure.message)
        case t.RunResumed():
            return replace(_reopened(state, payload.settings), isolation=payload.isolation or state.isolation)
        case t.RunRenamed(name=name):
            return replace(state, name=name)
        case t.RunRelinked(source=source, data=data):
            return replace(state, _domain=replace(state.domain, source=source, data=data))
        case t.RunNoted(text=text):
            return replace(state, notes=(*state.notes, text))
        case t.RunHinted():
            return replace(state, hints=(*state.hints, payload))
        case t.StepStarted(kind=kind, attempt=attempt):
            opened = OpenStep(kind, event.generation, attempt, event.at)
            unsealed = state.unsealed + (kind == "test")
            return replace(state, open_step=opened, attempts=attempt, unsealed=unsealed)
        case t.StepFailed(failure=failure):
            rewritten = payload.kind == "write" and failure.kind == "candidate"  # the Meta-Agent then writes another
            state = replace(state, rewrites=state.rewrites + rewritten, failures=state.failures + 1)
            return replace(state, open_step=None, attempts=payload.attempt, last_failure=failure)
        case t.StepAbandoned(attempt=attempt):
            return replace(state, open_step=None, attempts=attempt)
        case t.BaselineMeasured():
            return replace(_succeed(state), baseline=payload)
        case t.HarnessWritten():
            return _on_harness_written(_succeed(state), payload)
        case t.GenerationStarted(candidate=candidate):
            return replace(
                state,
                generations=(*state.generations, Generation(event.generation, candidate)),
                executed=0,
                executing_us=0,
                fruitless=0,
                awaiting=None,  # also where the settings no longer ask for the approval
            )
        case t.GateLooked():
            return _generation(state, event, look=payload)
        case t.ExecutionFinished():
            return _succeed(_generation(replace(state, executed=0, executing_us=0), event, execution=payload))
        case t.GateDecided():
            return _judged(state, event, payload)
        case t.AccountRead():
            return _spent(state, payload.spent)
        case t.AnalysisFinished():
            kept = replace(state, notebook=payload.notebook or state.notebook)
            return _succeed(_generation(kept, event, analysis=payload))
        case t.ProbeFinished(evaluations=count, reused=reused):
            return _evaluated(state, 0, count) if reused else _evaluated(state, count, 0)
        case t.ToolCalled(evaluations=count):
            return _evaluated(state, count, 0) if count else state
        case t.ModelCalled() | t.ModelWasted() | t.ClientFinished():
            return _paid(state, payload)
        case t.TrainingProgress(evaluations=count):
            return _evaluated(state, count, 0) if count else state
        case t.TrainingCheckpointed(usage=usage):
            return replace(state, spent=replace(state.spent, tokens=state.spent.tokens + usage.total))
        case t.WeightsTrained():
            return _on_weights_trained(_succeed(state), payload)
        case t.ImprovementFailed(reason=reason):
            failed = (*state.of(event.generation).failed_improvements, reason)
            state = replace(state, fruitless=state.fruitless + 1)
            return _succeed(_generation(state, event, analysis=None, failed_improvements=failed))
        case t.ApprovalAsked(number=number, reason=reason):
            return replace(state, awaiting=number, held=reason)
        case t.ApprovalGiven(number=number) if number == state.generation:
            return replace(state, awaiting=None, held="", answer=payload)
        case t.ApprovalGiven(answer="no"):
            return _declined(state, event, payload)
        case t.ApprovalGiven(number=number):
            return replace(state, awaiting=None, approved=number)
        case t.GenerationFinished():
            return _generation(state, event, finished=True)
        case t.BudgetWarned(resource=resource, share=share):
            return replace(state, warned=(*state.warned, f"{resource}:{share:g}"))
        case t.BudgetExhausted():
            return replace(state, exhausted=payload)
        case t.TestUnsealed():
            return replace(_succeed(state), tested=payload)
        case _:
            return state


def _judged(state: State, event: Event, verdict: t.GateDecided) -> State:
    state = _generation(state, event, verdict=verdict, answer=state.answer)
    state = replace(state, awaiting=None, held="", answer=None)
    if verdict.spent is not None:
        state = _spent(state, {verdict.comparison: verdict.spent})
    return replace(state, incumbent=event.generation) if verdict.accepted else state


def _spent(state: State, spent: Mapping[str, float]) -> State:
    return replace(state, account=state.account.with_spent(spent))


def _reopened(state: State, settings: t.Settings | None) -> State:
    """Running again: failures are reset; an exhausted budget is reset by new settings only."""
    return replace(
        state,
        status="running",
        _settings=settings or state._settings,
        failures=0,
        reason="",
        fruitless=0 if settings else state.fruitless,
        exhausted=None if settings else state.exhausted,
    )


def _branched(state: State, generation: int | None) -> State:
    """The state with the candidate of `generation` as incumbent, and nothing after it."""
    if generation is None:
        return state
    last = replace(state.of(generation), analysis=None, failed_improvements=(), finished=False)
    return replace(
        state,
        generations=(*state.generations[: generation - 1], last),
        versions={number: version for number, version in state.versions.items() if number <= generation},
        adapters={number: adapter for number, adapter in state.adapters.items() if number <= generation},
        incumbent=generation,
        fruitless=0,
    )


def _on_harness_written(state: State, version: t.HarnessWritten) -> State:
    """The state with `version` as its number's candidate, under the incumbent's weights."""
    return _next(state, version, state.weights)


def _on_weights_trained(state: State, trained: t.WeightsTrained) -> State:
    """The state with the incumbent's harness under the new adapter as its number's candidate."""
    same = state.versions[state.incumbent or 1]
    version = replace(same, number=trained.number, lever="weights", author=trained.author, reason=trained.reason)
    state = replace(state, spent=replace(state.spent, reused=state.spent.reused + trained.evaluations * trained.reused))
    version = replace(version, changed=f"trained by {trained.algorithm}", alternative=False)
    return _next(state, version, trained.adapter)


def _next(state: State, version: t.HarnessWritten, adapter: str | None) -> State:
    """The state with that candidate; an earlier candidate of that number is declined."""
    number, replaced = version.number, state.versions.get(version.number)
    others = {other: name for other, name in state.adapters.items() if other != number}
    return replace(
        state,
        awaiting=None if state.awaiting == number else state.awaiting,
        versions={**state.versions, number: version},
        adapters={**others, number: adapter} if adapter else others,
        declined=(*state.declined, replaced) if replaced else state.declined,
    )


def _declined(state: State, event: Event, approval: t.ApprovalGiven) -> State:
    """The state without the candidate that a person declined; another Analysis follows."""
    versions = {number: version for number, version in state.versions.items() if number != approval.number}
    failed = (
        *state.of(event.generation).failed_improvements,
        f"declined by {approval.by}: {approval.reason or 'no reason given'}",
    )
    state = _generation(state, event, analysis=None, failed_improvements=failed)
    declined = (*state.declined, state.versions[approval.number])
    adapters = {number: adapter for number, adapter in state.adapters.items() if number != approval.number}
    return replace(state, awaiting=None, versions=versions, adapters=adapters, declined=declined)


def _generation(state: State, event: Event, **changes: object) -> State:
    changed = replace(state.of(event.generation), **changes)
    at = event.generation - 1
    return replace(state, generations=(*state.generations[:at], changed, *state.generations[at + 1 :]))


def _add_step_time(state: State, event: Event) -> State:
    """Counts the time while a step is open, from event to event: a crash loses only what came after the last one."""
    if state.open_step is None:
        return state
    since = max(0, event.at - state.open_step.started_at)
    no_engine = t.RunResumed | t.RunForked | t.RunRenamed | t.RunRelinked | t.RunNoted | t.LossAccepted
    abandoned = isinstance(event.payload, t.StepAbandoned) and event.payload.reason == ENGINE_ENDED
    unheard = isinstance(event.payload, t.RunHinted | t.AccountRead) and not event.payload.live
    if abandoned or unheard or event.payload.is_talk or isinstance(event.payload, no_engine):
        since = 0
    step = replace(state.open_step, started_at=event.at)
    executing_us = state.executing_us + since * (step.kind == "execute")
    spent = replace(state.spent, seconds=state.spent.seconds + since / 1e6)
    return replace(state, open_step=step, executing_us=executing_us, spent=spent)


def _evaluated(state: State, fresh: int, reused: int) -> State:
    spent = replace(state.spent, evaluations=state.spent.evaluations + fresh, reused=state.spent.reused + reused)
    step = state.open_step and replace(state.open_step, evaluations=state.open_step.evaluations + fresh)
    return replace(state, spent=spent, open_step=step)


def _paid(state: State, call: t.ModelCalled | t.ModelWasted | t.ClientFinished) -> State:
    spent, tokens = state.spent, call.usage.total
    if isinstance(call, t.ModelCalled | t.ClientFinished) and call.reused:
        return replace(state, spent=replace(spent, reused_tokens=spent.reused_tokens + tokens))
    return replace(state, spent=replace(spent, tokens=spent.tokens + tokens, usd=spent.usd + call.usd))


def _succeed(state: State) -> State:
    return replace(state, open_step=None, attempts=0, failures=0, last_failure=None)
