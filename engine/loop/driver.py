"""The loop: decide, perform, append. Starting, resuming and recovering from a crash are the same call."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
import traceback
from collections.abc import Awaitable, Callable

from engine import keys
from engine.core import budget
from engine.core.decide import Append, ApplyGate, AwaitApproval, Halt, Perform, decide
from engine.core.state import ENGINE_ENDED
from engine.errors import SiaError
from engine.evaluation.errors import InfrastructureFailure
from engine.events import types as t
from engine.events.storage import blobs
from engine.failure import Failure, StepFailure
from engine.grading.client import GraderFailed
from engine.loop import approval
from engine.loop.control_socket import Control, Hint, Removed
from engine.models.calling import BudgetExceeded
from engine.run.live_run import Run
from engine.steps import baseline, execution, gate, improvement, sealed_test

_STEPS: dict[t.StepKind, Callable[[Run, int], Awaitable[None]]] = {
    "baseline": baseline.measure,
    "write": improvement.write_first,
    "execute": execution.execute,
    "analyse": improvement.analyse,
    "improve": improvement.improve,
    "test": sealed_test.unseal,
}
RETRY_S = 1.0
TRACE = 1 << 16
"""Characters of a traceback that are kept: its end says most."""


async def drive(run: Run, control: Control) -> None:
    """Loops until the run is paused, stopped, failed or finished.

    A request to pause or stop takes effect at once, also inside a step.
    """
    control.hear = functools.partial(_record, run)
    control.spoken = lambda: run.live_text.now
    control.work = lambda: run.work
    while True:
        if control.request is not None and run.state.status == "running":
            by = control.request.by
            run.append(run.state.generation, t.RunPaused(by) if control.request.kind == "pause" else t.RunStopped(by))
        decision = decide(run.state)
        match decision:
            case Halt():
                return
            case Append(generation=generation, payload=payload):
                run.append(generation, payload)
            case ApplyGate(generation=generation):
                gate.apply(run, generation)
            case Perform():
                await perform(run, decision, control)
            case AwaitApproval():
                await _await_approval(run, control)
        run.refs.point(run.state)


def _record(run: Run, said: Hint | Removed) -> None:
    match said:
        case Hint(text=text, by=by):
            run.append(run.state.generation, t.RunHinted(text, by, live=True))
        case Removed(name=name, spent=spent):
            if news := run.state.account.lacks(spent):
                run.append(run.state.generation, t.AccountRead(news, removed=name, live=True))


async def perform(run: Run, step: Perform, control: Control) -> None:
    """Performs one step. However it ends, the log says so: with its result, its failure, or that it was abandoned."""
    run.live_work.clear()
    run.append(step.generation, t.StepStarted(step.kind, step.attempt))
    try:
        interruption = await _until_interrupted(run, step, control)
    except BudgetExceeded as error:
        _abandon(run, step, f"the budget of {error.resource} does not suffice")
        run.append(step.generation, t.BudgetExhausted(error.resource, error.spent, error.cap, str(error)))
    except SiaError:
        raise  # the log cannot be written, or the machine cannot do it: only a person can help
    except Exception as error:
        if run.state.open_step is None:
            return  # its result is in the log: what failed afterwards is no failure of the step
        failure = _failure(error)
        failure = Failure(failure.kind, keys.redact_error(failure.message))
        trace = keys.redact_error("".join(traceback.format_exception(error))[-TRACE:]).encode("utf-8", "replace")
        failed = t.StepFailed(step.kind, step.attempt, failure, blobs.digest(trace))
        run.end_failed_step(step.generation, failed, [trace])
        await asyncio.sleep(RETRY_S * step.attempt)
    else:
        run.flush()
        if not interruption or run.state.open_step is None:
            return  # its result is in the log, which may be so also where it was interrupted
        _abandon(run, step, "a person asked" if interruption == "request" else "the budget of minutes is used up")
        if interruption == "time-out":
            spent, cap = budget.spending(run.state)["minutes"]
            run.append(step.generation, budget.exhaustion("minutes", max(spent, cap), cap))


async def _until_interrupted(run: Run, step: Perform, control: Control) -> str:
    """Runs a step to its end, to a request to pause or stop, or to the end of the budget of minutes; says which."""
    work = asyncio.ensure_future(_STEPS[step.kind](run, step.generation))
    request = asyncio.ensure_future(control.wait())
    cap = (
        None if step.kind == "test" else run.state.settings.budget.minutes
    )  # a reading that has begun is not cut short
    seconds = None if cap is None else max(0.0, cap * 60 - run.state.spent.seconds)
    try:
        await asyncio.wait({work, request}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
            return ""
        return "request" if request.done() else "time-out"
    finally:
        await _cancel(work)
        await _cancel(request)


async def _cancel(task: asyncio.Future[None]) -> None:
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    elif not task.cancelled():
        task.exception()  # retrieved, so that asyncio does not report it: the task's awaiter has it


def _abandon(run: Run, step: Perform, reason: str) -> None:
    run.flush()
    kept = run.state.open_step.evaluations if run.state.open_step else 0
    run.append(step.generation, t.StepAbandoned(step.kind, step.attempt, reason, kept))


def _failure(error: Exception) -> Failure:
    """The failure that the log records for an error that ended a step."""
    match error:
        case StepFailure(failure=failure):
            return failure
        case InfrastructureFailure():
            return Failure("infrastructure", str(error))
        case GraderFailed():
            return Failure("verifier", str(error))
        case _:
            return Failure("infrastructure", f"{type(error).__name__}: {error}")


async def _await_approval(run: Run, control: Control) -> None:
    """Waits for a person's approval of a candidate, or for a request to pause or stop."""
    given = asyncio.ensure_future(control.approvals.get())
    request = asyncio.ensure_future(control.wait())
    try:
        await asyncio.wait({given, request}, return_when=asyncio.FIRST_COMPLETED)
        if given.done():
            try:
                rows, contents = approval.prepare(run.state, given.result(), run.ports.repository)
            except SiaError:
                return  # the sender of an approval that does not fit has had the error
            run.append_rows(rows, contents)
    finally:
        given.cancel()
        request.cancel()


async def test(run: Run, control: Control) -> t.TestUnsealed:
    """Unseals the test split for the run's incumbent, whatever the run's status."""
    if run.state.incumbent is None:
        raise SiaError("this run has no incumbent yet", "let it finish its first generation with `sia resume`")
    step = run.state.open_step
    if step is not None:
        run.append(step.generation, t.StepAbandoned(step.kind, step.attempt, ENGINE_ENDED, step.evaluations))
    before, started = run.state.n, time.monotonic()
    await perform(run, Perform("test", run.state.generation, 1), control)
    for event in run.log.reader.history(run.log.run, after=before):
        if isinstance(payload := event.payload, t.TestUnsealed):
            return payload
    why = run.state.last_failure.message if run.state.last_failure else "interrupted"
    seconds = time.monotonic() - started
    raise SiaError(f"the test did not finish after {seconds:.0f} s ({why})", "try again; this reading was counted")
