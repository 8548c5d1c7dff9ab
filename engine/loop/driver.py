"""The three lines of the loop: decide, perform, append. Starting, resuming and crash recovery are the same call."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from engine.core import budget
from engine.core.decide import Await, Judge, Perform, Record, Rest, decide
from engine.core.failure import StepFailure
from engine.core.verdict import verdict
from engine.errors import SiaError
from engine.evaluation.errors import InfrastructureFailure
from engine.events import types as t
from engine.grading.client import GraderFailed
from engine.loop import approval
from engine.loop.control_socket import Control
from engine.models.calling import Overspent
from engine.run.session import Run
from engine.steps import baseline, execution, improvement, sealed_test

_STEPS: dict[t.StepKind, Callable[[Run, int], Awaitable[None]]] = {
    "baseline": baseline.measure,
    "write": improvement.write_first,
    "execute": execution.execute,
    "analyse": improvement.analyse,
    "improve": improvement.improve,
    "test": sealed_test.unseal,
}
RETRY_S = 1.0


async def drive(run: Run, control: Control) -> None:
    """Goes on until the run rests. A wish for a pause or a stop is granted at once, also inside a step."""
    while True:
        if control.wanted and run.state.status == "running":
            _grant(run, control)
        decision = decide(run.state)
        match decision:
            case Rest():
                return
            case Record(generation=generation, payload=payload):
                run.append(generation, payload)
            case Judge(generation=generation):
                run.append(generation, verdict(run.state, run.results, generation))
            case Perform():
                await perform(run, decision, control)
            case Await():
                await _word(run, control)
        run.refs.point(run.state)


async def _word(run: Run, control: Control) -> None:
    """Waits for a person's word on a candidate, or for a wish to rest."""
    word = asyncio.ensure_future(control.words.get())
    wish = asyncio.ensure_future(control.wait())
    try:
        await asyncio.wait({word, wish}, return_when=asyncio.FIRST_COMPLETED)
        if word.done():
            with contextlib.suppress(SiaError):  # whoever gave a word that does not fit was told so
                rows, contents = approval.written(run.state, word.result(), run.ports.repository)
                run.append_rows(rows, contents)
    finally:
        word.cancel()
        wish.cancel()


async def perform(run: Run, step: Perform, control: Control) -> None:
    """Does one step. However it ends, the log says so: its result, its failure, or that it was abandoned."""
    run.append(step.generation, t.StepStarted(step.kind, step.attempt))
    work = asyncio.ensure_future(_STEPS[step.kind](run, step.generation))
    wish = asyncio.ensure_future(control.wait())
    left = None if step.kind == "test" else _seconds_left(run)  # a reading that has begun is not cut short
    try:
        await asyncio.wait({work, wish}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            await work
            return
        await _cancel(work)
        run.flush()
        if run.state.open_step is None:
            return  # its result is in the log: it finished as it was told to end
        reason = "a person asked" if wish.done() else "the budget of minutes is used up"
        _abandon(run, step, reason)
        if not wish.done():
            now, cap = budget.used(run.state)["minutes"]
            run.append(step.generation, budget.exhausted("minutes", max(now, cap), cap))
    except StepFailure as error:
        await _failed(run, step, error.failure)
    except InfrastructureFailure as error:
        await _failed(run, step, t.Failure("infrastructure", str(error)))
    except Overspent as error:
        await _cancel(work)
        run.flush()
        _abandon(run, step, f"the budget of {error.resource} does not suffice")
        run.append(step.generation, t.BudgetExhausted(error.resource, error.spent, error.cap, str(error)))
    except GraderFailed as error:
        await _failed(run, step, t.Failure("verifier", str(error)))
    except SiaError:
        raise  # the log itself cannot be written, or the machine cannot do it: a person must help first
    except Exception as error:
        await _failed(run, step, t.Failure("infrastructure", f"{type(error).__name__}: {error}"))
    finally:
        await _cancel(work)
        await _cancel(wish)


async def _failed(run: Run, step: Perform, failure: t.Failure) -> None:
    run.append(step.generation, t.StepFailed(step.kind, step.attempt, failure))
    await asyncio.sleep(RETRY_S * step.attempt)


def _abandon(run: Run, step: Perform, reason: str) -> None:
    kept = run.state.open_step.evaluations if run.state.open_step else 0
    run.append(step.generation, t.StepAbandoned(step.kind, step.attempt, reason, kept))


def _grant(run: Run, control: Control) -> None:
    wanted = control.wanted
    if wanted is not None:
        at = run.state.current.n if run.state.current else 0
        run.append(at, t.RunPaused(wanted.by) if wanted.wish == "pause" else t.RunStopped(wanted.by))


def _seconds_left(run: Run) -> float | None:
    cap = run.state.set.budget.minutes
    return None if cap is None else max(0.0, cap * 60 - run.state.spent.seconds)


async def _cancel(task: asyncio.Future[None]) -> None:
    if not task.done():
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    elif not task.cancelled():
        task.exception()  # seen: whoever awaited it has it


async def test(run: Run, control: Control) -> t.TestUnsealed:
    """Unseals the test split for the run's incumbent, whatever the run's status."""
    if run.state.incumbent is None:
        raise SiaError("this run has no incumbent yet", "let it finish its first generation with `sia resume`")
    at = run.state.current.n if run.state.current else 0
    if run.state.open_step is not None:
        step = run.state.open_step
        run.append(step.generation, t.StepAbandoned(step.kind, step.attempt, "the engine ended", step.evaluations))
    before, started = run.state.n, time.monotonic()
    await perform(run, Perform("test", at, 1), control)
    for event in run.log.reader.history(run.log.run, after=before):
        if isinstance(payload := event.payload, t.TestUnsealed):
            return payload
    why = run.state.last_failure.message if run.state.last_failure else "interrupted"
    seconds = time.monotonic() - started
    raise SiaError(f"the test did not finish after {seconds:.0f} s ({why})", "try again; this reading was counted")
