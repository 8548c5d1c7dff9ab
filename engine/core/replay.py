"""Checks a past run from its log: decisions, gates, digests and commit ids are recomputed and compared.

No effects: no network, key, sandbox, data, optuna or git. Proposals of agents and answers are recorded effects; all
that follows from them is recomputed. The first event that differs is where the run diverges, shown with both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from domains.contract import Grade
from engine.core import budget, determinism, units
from engine.core import results as instance_results
from engine.core.decide import Append, ApplyGate, Perform, counted_as_before, decide
from engine.core.gate import mean
from engine.core.results import Results
from engine.core.state import OpenStep, State, evolve
from engine.core.verdict import first_look, judge
from engine.errors import SiaError
from engine.events import types as t
from engine.events.codec import encode
from engine.events.event import GENESIS, Event
from engine.events.histogram import bin_counts
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.seeds import derive
from harness_repo.objects import Version, build


class Divergence(msgspec.Struct, frozen=True):
    """The first event that differs from its recomputation, and both sides."""

    n: int
    expected: str
    got: str


class ReplayResult(msgspec.Struct, frozen=True):
    """The result of a verification."""

    identical: bool
    events: int
    diverged_at: Divergence | None


_BY_PERSONS = (
    *(t.RunPaused, t.RunStopped, t.RunResumed, t.RunForked),
    *(t.RunRenamed, t.RunRelinked, t.RunNoted, t.RunHinted, t.LossAccepted),
)
_BELONGS: dict[type[t.Payload], tuple[t.StepKind, ...]] = {
    t.BaselineMeasured: ("baseline",),
    t.HarnessWritten: ("write", "improve"),
    t.HarnessPrepared: ("execute",),
    t.InstanceFinished: ("execute",),
    t.GateLooked: ("execute",),
    t.ExecutionFinished: ("execute",),
    t.AnalysisFinished: ("analyse",),
    t.ProbeFinished: ("write", "analyse", "improve"),
    t.ModelCalled: ("baseline", "write", "execute", "analyse", "improve", "test"),
    t.ModelWasted: ("baseline", "write", "execute", "analyse", "improve", "test"),
    t.ModelRetried: ("baseline", "write", "execute", "analyse", "improve", "test"),
    t.ToolCalled: ("write", "execute", "analyse", "improve", "test"),
    t.ContextCompacted: ("write", "analyse", "improve"),
    t.ClientFinished: ("write", "analyse", "improve"),
    t.TrainingProgress: ("improve",),
    t.TrainingCheckpointed: ("improve",),
    t.WeightsTrained: ("improve",),
    t.ImprovementFailed: ("improve",),
    t.TestUnsealed: ("test",),
}
"""The recorded effects, and the steps that may have them."""
_Found = tuple[str, str] | None


def verify(reader: Reader, run: str, until: int | None = None) -> ReplayResult:
    """Recomputes the history of `run` up to event `until`."""
    state, results, previous = State(), Results(), GENESIS
    last: t.Payload | None = None
    count = 0
    for event in reader.history(run, until=until):
        count += 1
        found = _chain(event, previous)
        if found is None and isinstance(payload := event.payload, t.Unread):
            found = f"an event {event.type}", payload.problem
        if found is None:
            try:
                found = _explain(reader, state, results, event, payload, last)
                state = evolve(state, event)
            except LookupError:  # it names a generation or a version that does not exist
                found = found or ("an event that fits what came before", _describe(payload, event.generation))
        if found is not None:
            return ReplayResult(False, count, Divergence(event.n, *found))
        previous, last = event.hash, payload
        results.add(event)
    if count == 0:
        raise SiaError("the run has no events", "`sia ls` lists the runs")
    return ReplayResult(True, count, None)


def _chain(event: Event, previous: str) -> _Found:
    if event.prev_hash != previous:
        return f"an event after {previous[:12]}", f"one after {event.prev_hash[:12]}"
    computed = event.expected_hash()
    return (
        None if computed == event.hash else (f"contents with the hash {event.hash[:12]}", f"the hash {computed[:12]}")
    )


def _explain(
    reader: Reader, state: State, results: Results, event: Event, payload: t.Payload, last: t.Payload | None
) -> _Found:
    """None where `payload` is the expected event, else what was expected and what the log holds."""
    if isinstance(payload, (t.RunStarted, *_BY_PERSONS)):
        return (
            None if isinstance(payload, t.RunStarted) == (state.status == "new") else ("run.started first", event.type)
        )
    if payload.is_talk and state.status != "new":
        return _check_model_call(reader, state, results, event, payload) if isinstance(payload, t.ModelCalled) else None
    if isinstance(payload, t.StepStarted) and payload.kind == "test":
        return None
    edited = isinstance(last, t.RunForked) or (isinstance(last, t.ApprovalGiven) and last.answer == "edit")
    if isinstance(payload, t.HarnessWritten) and edited:
        return _version(reader, state, results, event, payload)  # a person's edit, of a fork or of an approval
    if isinstance(payload, t.WeightsTrained) and isinstance(last, t.RunForked) and payload.author == "person":
        return _imported(state, event, payload)
    if isinstance(payload, t.ApprovalGiven):
        expected, got = state.awaiting, payload.number
        return None if expected == got else (f"an approval of candidate {expected}", f"one of candidate {got}")
    step = state.open_step
    if step is not None and (belongs := _belongs(step, payload)) is not None:
        if not belongs or event.generation != step.generation:
            what = f"an event of the step {step.kind!r} of generation {step.generation}, attempt {step.attempt}"
            return what, _describe(payload, event.generation)
        check = _IN_STEP.get(type(payload))
        return check(reader, state, results, event, payload) if check else None
    if isinstance(payload, t.AccountRead):
        return _account(state, event, payload)
    abandoned = isinstance(last, t.StepAbandoned)
    if isinstance(payload, t.BudgetExhausted) and abandoned and payload.resource in budget.spending(state):
        return None  # the clock, or the price of the next call, ended the step; what was known then is recorded
    return _decided(state, results, event, payload)


def _belongs(step: OpenStep, payload: t.Payload) -> bool | None:
    """Whether `payload` belongs to the open step; None where its type belongs to no step."""
    if isinstance(payload, t.StepFailed | t.StepAbandoned):
        return (payload.kind, payload.attempt) == (step.kind, step.attempt)
    kinds = _BELONGS.get(type(payload))
    return None if kinds is None else step.kind in kinds


def _decided(state: State, results: Results, event: Event, payload: t.Payload) -> _Found:
    match decide(state):
        case Append(generation=generation, payload=expected):
            return _same(expected, generation, payload, event)
        case ApplyGate(generation=generation):
            return _same(judge(state, results, generation), generation, payload, event)
        case Perform(kind=kind, generation=generation, attempt=attempt):
            return _same(t.StepStarted(kind, attempt), generation, payload, event)
        case _:
            return f"nothing: the run is {state.status}", _describe(payload, event.generation)


def _account(state: State, event: Event, payload: t.AccountRead) -> _Found:
    """What other runs had spent is recorded, before a look or verdict or as one is removed; nothing that was known."""
    step, judging = state.open_step, decide(state) == ApplyGate(event.generation)
    if step and (step.kind, step.generation) == ("execute", event.generation) and budget.reserve_of(state):
        judging = state.of(event.generation).look is None
    due = state.rules >= 4 and ((state.incumbent is not None and judging) or payload.removed)
    known = state.account.spent
    new = payload.spent and all(spent > known.get(name, -0.5) and spent >= 0 for name, spent in payload.spent.items())
    return None if due and new else ("what follows the results", _describe(payload, event.generation))


def _same(expected: t.Payload, generation: int, payload: t.Payload, event: Event) -> _Found:
    if isinstance(expected, t.RunFailed) and isinstance(payload, t.RunFailed):
        expected = msgspec.structs.replace(expected, remedy=payload.remedy)  # advice, in the words of its release
    if isinstance(expected, t.RunFinished) and encode(expected) != encode(payload):
        expected = msgspec.structs.replace(expected, reason=counted_as_before(expected.reason))
    if type(expected) is type(payload) and encode(expected) == encode(payload) and generation == event.generation:
        return None
    return _describe(expected, generation), _describe(payload, event.generation)


def _describe(payload: t.Payload, generation: int) -> str:
    return f"{payload.type} of generation {generation} {encode(payload).decode()}"


def _instance(reader: Reader, state: State, results: Results, event: Event, payload: t.InstanceFinished) -> _Found:
    seed = derive(state.root_seed, "instance", payload.instance, payload.repeat)
    if payload.seed != seed:
        return f"the seed {seed} for {payload.instance}", str(payload.seed)
    arms = [arm for arm in (state.current and state.current.candidate, state.rival) if arm]
    if any((arm.harness, arm.weights) == (payload.harness, payload.weights) for arm in arms):
        return None  # as nearly always: a long run has many versions, and more results
    if payload.weights not in {None, *state.adapters.values()}:
        return "an adapter of this run", str(payload.weights)
    commits = {version.commit for version in state.versions.values()}
    return None if payload.harness in commits else ("a harness of this run", payload.harness)


def _execution(reader: Reader, state: State, results: Results, event: Event, payload: t.ExecutionFinished) -> _Found:
    candidate = state.of(event.generation).candidate
    rival = determinism.rival(state, results)
    expected = results.execution_finished(event.generation, candidate, rival, rules=state.rules, wall_s=payload.wall_s)
    return None if expected == payload else (str(expected), str(payload))


def _look(reader: Reader, state: State, results: Results, event: Event, payload: t.GateLooked) -> _Found:
    expected = None if state.of(event.generation).look else first_look(state, results, event.generation)
    return None if expected == payload else (str(expected), str(payload))


def _probe(reader: Reader, state: State, results: Results, event: Event, payload: t.ProbeFinished) -> _Found:
    grades = _grades(reader.blob(payload.items))
    check = instance_results.private_check(grades)
    expected = (mean([grade.score for grade in grades]), check is not None and not check.passed)
    got = (payload.score, payload.refused)
    return None if expected == got else (str(expected), str(got))


def _version(reader: Reader, state: State, results: Results, event: Event, payload: t.HarnessWritten) -> _Found:
    files = {path: reader.blob(name) for path, name in payload.files.items()}
    parents = [state.of(state.incumbent).candidate.harness] if state.incumbent else []
    version = Version(files, parents, event.generation + 1, payload.lever, payload.author, payload.reason)
    written = build(version)
    expected = (version.number, written.commit, written.tree, parents)
    got = (payload.number, payload.commit, payload.tree, payload.parents)
    return None if expected == got else (str(expected), str(got))


def _checkpoint(
    reader: Reader, state: State, results: Results, event: Event, payload: t.TrainingCheckpointed
) -> _Found:
    try:
        rows = msgspec.json.decode(reader.blob(payload.samples), type=list[list[Any]])
    except blobs.LeftOut:  # they hold text of instances, and the run came here without
        return None
    rewards = [reward for _, _, reward, *_ in rows]
    found = (bin_counts(rewards), mean(rewards).score)
    got = (payload.rewards, payload.measures.get("reward"))
    return None if found == got else (str(found), str(got))


def _check_trained(reader: Reader, state: State, results: Results, event: Event, payload: t.WeightsTrained) -> _Found:
    now, analysis = state.of(state.incumbent or 1).candidate, state.of(event.generation).analysis
    chosen = {"algorithm": analysis.algorithm, **analysis.recipe} if analysis and analysis.lever == "weights" else None
    kept = {name: payload.recipe.get(name) for name in chosen or ()}
    expected = (event.generation + 1, now.harness, now.weights, payload.algorithm, chosen)
    got = (payload.number, payload.harness, payload.parent, payload.recipe.get("algorithm"), kept)
    return None if expected == got else (str(expected), str(got))


def _imported(state: State, event: Event, payload: t.WeightsTrained) -> _Found:
    """An adapter that a person has brought: nothing was trained, and it is tried under the incumbent's harness."""
    now = state.of(state.incumbent or 1).candidate
    expected: tuple[object, ...] = (state.generation, state.generation + 1, now.harness, {}, 0)
    got = (event.generation, payload.number, payload.harness, payload.recipe, payload.rounds)
    return None if expected == got else (str(expected), str(got))


def _test(reader: Reader, state: State, results: Results, event: Event, payload: t.TestUnsealed) -> _Found:
    answers = reader.blob(payload.answers)
    check = instance_results.private_check(_grades(answers))
    noted = payload.private and msgspec.structs.replace(payload.private, measures={})
    if payload.readings is not None and len(payload.readings) < payload.unsealed_before:
        return f"at least {payload.unsealed_before} earlier readings", str(len(payload.readings))
    expected = (_test_score(answers), state.unsealed - 1, check)
    got = (payload.score, payload.unsealed_before, noted if check else None)
    return None if expected == got else (str(expected), str(got))


def _check_model_call(reader: Reader, state: State, results: Results, event: Event, payload: t.ModelCalled) -> _Found:
    whose = "judge" if payload.role == "judge" else "model"
    expected = derive(state.root_seed, whose, payload.place, payload.ordinal)
    return None if payload.seed == expected else (f"the sampling seed {expected}", str(payload.seed))


def _grades(rows: bytes) -> list[Grade]:
    """Out of rows of (instance, score, answer) and, with a private check, honest score, floor and refusal."""
    return [Grade(score, *private[:3]) for _, score, _, *private in msgspec.json.decode(rows, type=list[list[Any]])]


def _test_score(rows: bytes) -> t.Score:
    """The score of the sealed test from the same rows, whose last column is the instance's group where it is in one."""
    found = msgspec.json.decode(rows, type=list[list[Any]])
    groups = {row[0]: row[6] for row in found if len(row) > 6}
    return units.clustered({(row[0], 0): row[1] for row in found}, groups)


_IN_STEP: dict[type[t.Payload], Callable[..., _Found]] = {
    t.InstanceFinished: _instance,
    t.GateLooked: _look,
    t.ExecutionFinished: _execution,
    t.ProbeFinished: _probe,
    t.ModelCalled: _check_model_call,
    t.HarnessWritten: _version,
    t.TrainingCheckpointed: _checkpoint,
    t.WeightsTrained: _check_trained,
    t.TestUnsealed: _test,
}


def states(reader: Reader, run: str) -> Iterator[tuple[Event, State]]:
    """Every event of a history with the state after it: what a replay renders."""
    state = State()
    for event in reader.history(run):
        state = evolve(state, event)
        yield event, state
