"""Execution: a candidate answers all of `val` and a sample of `train`.

The harness cannot learn from the sample, so that its scores and failures there are representative. Results that the
lineage has recorded (same harness, weights, instance, repeat, seed and training set) are reused. If the verifier is
noisy, the incumbent is executed alternately with the candidate. Where there is but one score, what is not declared
noisy is measured: it is executed again, each time in fresh processes (`determinism`). In a run with a reserve the gate
looks at `val` here; where that is open, candidate and incumbent answer the reserve, too. On a fresh `val` (`rotation`)
the incumbent is executed with the first candidate, in turns.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec.structs import replace

from domains.contract import Instance
from engine.core import budget, determinism
from engine.core.verdict import first_look
from engine.evaluation import answer_codec
from engine.evaluation.errors import InfrastructureFailure
from engine.evaluation.evaluate import evaluate
from engine.evaluation.interleave import turns
from engine.evaluation.trial import GradedAnswer, Trial
from engine.events import types as t
from engine.grading.client import Grader
from engine.plain import plural
from engine.run.live_run import Run
from engine.sandbox import Preparation
from engine.steps import evaluations, gate


async def execute(run: Run, generation: int) -> None:
    """Appends `instance.finished` for every trial that this generation lacks, then `execution.finished`.

    Its time counts all attempts: what an earlier one has finished is not done again.
    """
    started, state = time.monotonic(), run.state
    candidate, rival, turns, settings = state.of(generation).candidate, state.rival, state.rotation, state.settings
    repeats = range(settings.repeats)
    if settings.noisy:
        repeats = range((generation - 1) * settings.repeats, generation * settings.repeats)
    material, sampled = await run.domain.divided_train(settings, state.root_seed)
    val = await run.domain.val(generation, turns)
    trials = evaluations.trials_of(run, repeats, val=val, train=sampled)

    if rival is not None:
        await _execute_in_turns(run, generation, rival, trials["val"], material)
    await _execute_arm(run, generation, candidate, [*trials["val"], *trials["train"]], material)
    _check_complete(run, generation, candidate, [*trials["val"], *trials["train"]])
    if rival is not None:
        _check_complete(run, generation, rival, trials["val"])
    if len(trials["val"]) == 1:
        rival = await _measure_noise(run, generation, material)
    if _is_open(run, generation):
        await _execute_reserve(run, generation, repeats, material)
    wall_s = round(state.executing_us / 1e6 + time.monotonic() - started, 3)
    finished = run.results.execution_finished(generation, candidate, rival, rules=state.rules, wall_s=wall_s)
    run.append(generation, finished)


async def _execute_in_turns(
    run: Run, generation: int, rival: t.Candidate, todo: Sequence[Trial], material: Sequence[Instance]
) -> None:
    candidate = run.state.of(generation).candidate
    for arm, some in turns(todo):
        await _execute_arm(run, generation, candidate if arm == "candidate" else rival, some, material)


def _is_open(run: Run, generation: int) -> bool:
    """Whether the reserve is to be answered; appends `gate.looked` before, where the gate looks here and has not yet.

    It records the level: what other runs of the lineage judge until the verdict cannot close a look that was open.
    """
    if run.state.incumbent and budget.reserve_of(run.state) and run.state.of(generation).look is None:
        gate.read_account(run, generation)
        if (looked := first_look(run.state, run.results, generation)) is not None:
            run.append(generation, looked)
    look = run.state.of(generation).look
    return look is not None and look.open


async def _execute_reserve(run: Run, generation: int, repeats: Sequence[int], material: Sequence[Instance]) -> None:
    """Executes the candidate on the reserve, and the incumbent as far as it has not answered it."""
    state, candidate = run.state, run.state.of(generation).candidate
    incumbent = state.of(state.incumbent or 1).candidate
    trials = evaluations.trials_of(run, repeats, reserve=await run.domain.reserve())["reserve"]
    if state.rival is not None:
        await _execute_in_turns(run, generation, incumbent, trials, material)
    else:
        answered = run.results.reserve(incumbent)
        lacking = [trial for trial in trials if (trial.instance, trial.repeat) not in answered]
        await _execute_arm(run, generation, incumbent, lacking, material)
        await _execute_arm(run, generation, candidate, trials, material)
    for one in (candidate, incumbent):
        answered = run.results.reserve(one, generation if state.rival else None)
        _check_all_there([trial for trial in trials if (trial.instance, trial.repeat) not in answered], trials)


async def _measure_noise(run: Run, generation: int, material: Sequence[Instance]) -> t.Candidate | None:
    """Executes the one instance of `val` again, as often as the verdict needs and the budget allows.

    Returns the incumbent where the verdict compares the candidate with its executions of this generation.
    """
    while (due := determinism.due(run.state, run.results, generation)) is not None:
        incumbent = run.state.of(run.state.incumbent).candidate if run.state.incumbent else None
        for repeat in due.repeats:
            (trial,) = evaluations.trials_of(run, [repeat], val=await run.domain.val())["val"]
            candidates = [run.state.of(generation).candidate, *([incumbent] if due.paired and incumbent else [])]
            if repeat % 2:
                candidates.reverse()  # in turns, so that a drift of the machine's load cancels
            if not budget.allows(run.state, len(candidates)):
                return determinism.rival(run.state, run.results)
            for candidate in candidates:
                await _execute_afresh(run, generation, candidate, trial, material)
    return determinism.rival(run.state, run.results)


async def _execute_afresh(
    run: Run, generation: int, candidate: t.Candidate, trial: Trial, material: Sequence[Instance]
) -> None:
    grader = Grader(run.ports.grader.folder, run.ports.grader.data, run.ports.isolation)
    try:
        await _execute_arm(run, generation, candidate, [trial], material, grader)
    finally:
        await grader.close()
    _check_complete(run, generation, candidate, [trial])


async def _execute_arm(
    run: Run,
    generation: int,
    candidate: t.Candidate,
    todo: Sequence[Trial],
    material: Sequence[Instance],
    grader: Grader | None = None,
) -> None:
    """Appends the results of `candidate` for the trials in `todo` that have none yet: reused, or evaluated now.

    `grader` grades them in place of the run's own.
    """
    evaluation = evaluations.of_candidate(run, candidate, material)
    if grader is not None:
        evaluation = replace(evaluation, grading=replace(evaluation.grading, grader=grader))
    prepared = evaluation.prepared
    unanswered = _unanswered(run, generation, candidate, todo)
    wanted = [(trial.split, trial.instance, trial.repeat) for trial in unanswered]
    reusable = run.reuse.results(candidate, prepared, wanted)
    fresh: list[Trial] = []
    for trial in unanswered:
        result = reusable.get((trial.split, trial.instance, trial.repeat, trial.seed))
        if result is None:
            fresh.append(trial)
        else:
            run.stream(generation, replace(result, reused=True, group=trial.group, slice=trial.slice), [])

    def on_prepared(made: Preparation) -> None:
        log, contents = answer_codec.pack_log(made.log)
        cpu_s, wall_s = round(made.cpu_s, 3), round(made.wall_s, 3)
        event = t.HarnessPrepared(candidate.harness, cpu_s, wall_s, made.failure, log)
        run.append(generation, event, contents=contents, durable=False)

    if fresh:
        async for graded in evaluate(evaluation, fresh, on_prepared):
            run.stream(generation, *_result(candidate, prepared, graded))
    run.flush()


def _check_complete(run: Run, generation: int, candidate: t.Candidate, planned: Sequence[Trial]) -> None:
    _check_all_there(_unanswered(run, generation, candidate, planned), planned)


def _check_all_there(missing: Sequence[Trial], planned: Sequence[Trial]) -> None:
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise InfrastructureFailure(f"{len(missing)} of {plural(len(planned), 'result')} {verb} not in the log")


def _unanswered(run: Run, generation: int, candidate: t.Candidate, some: Sequence[Trial]) -> list[Trial]:
    done = run.results.of(generation, candidate)
    return [trial for trial in some if (trial.split, trial.instance, trial.repeat) not in done]


def _result(candidate: t.Candidate, prepared: str, graded: GradedAnswer) -> tuple[t.InstanceFinished, list[bytes]]:
    answer, grade = graded
    trial = answer.trial
    stored, log, contents = answer_codec.pack_with_log(answer)
    result = t.InstanceFinished(
        harness=candidate.harness,
        weights=candidate.weights,
        split=trial.split,
        instance=trial.instance,
        repeat=trial.repeat,
        seed=trial.seed,
        prepared=prepared,
        score=grade.score,
        answer=stored,
        honest=grade.honest,
        floor=grade.floor,
        refused=grade.refused,
        measures=dict(grade.measures),
        detail=grade.detail if trial.split == "train" else "",  # a detail may reveal the label
        failure=answer.failure,
        cpu_s=round(answer.cpu_s, 4),
        wall_s=round(answer.wall_s, 4),
        log=log,
        group=trial.group,
        disturbed=grade.disturbed,
        slice=trial.slice,
    )
    return result, contents
