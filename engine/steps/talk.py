"""A person's question to the agent of a run that no engine works on: recorded and paid for, and no step of the run."""

from __future__ import annotations

import contextlib

import msgspec
from msgspec.structs import replace

from engine.agents import talk
from engine.agents.protocol import NoProposal
from engine.agents.talk import Answer, Exchange
from engine.errors import SiaError
from engine.evaluation.errors import InfrastructureFailure
from engine.events import types as t
from engine.events.reader import Reader
from engine.events.storage import blobs
from engine.failure import StepFailure
from engine.models.calling import BudgetExceeded
from engine.run.journal import generation_now
from engine.run.live_run import Run
from engine.steps.agent_tools import StepTools
from engine.steps.agent_view import LiveRunRecord
from engine.steps.improvement import make_view
from engine.steps.probes import NoLab
from engine.steps.workbench.tryouts import Tryouts

_REMEDY = "ask again, or ask another model with --agent-model"


async def ask(run: Run, question: str, by: str) -> Answer:
    """The answer of the agent's model, which is in the log when this returns; raises `SiaError`."""
    state = run.state
    if not state.generations:
        raise SiaError(
            f"{state.name} has no candidate to talk about yet", f"let it make one with `sia resume {state.name}`"
        )
    before = [one for talked in run.effects.talks if (one := exchange(run.log.reader, talked))]
    view = replace(make_view(run, state.generation), hints=state.hints, notebook=state.notebook)
    place = f"talk/{state.n}"  # no two questions have one place, since each adds events
    record = LiveRunRecord(run, await run.domain.train())
    tools = StepTools(run, "talk", place, record, NoLab(), Tryouts(run, state.generation, 0, None))
    with contextlib.closing(tools):
        try:
            found = await talk.answer(view, tools, question, [Exchange(q, a.text) for q, a in before])
        except BudgetExceeded as error:
            raise SiaError(
                f"{state.name} cannot pay for an answer: {error}",
                f"raise the cap with `sia resume {state.name} --budget-{error.resource} N`",
            ) from None
        except (StepFailure, InfrastructureFailure) as error:
            raise SiaError(f"the agent did not answer ({error})", _REMEDY) from None
    if isinstance(found, NoProposal):
        raise SiaError(f"the agent gave no answer: {found.reason}", _REMEDY)
    contents = [question.encode(), msgspec.json.encode(found)]
    caller = run.callers.agent
    model = caller.model.weights if caller else ""
    run.append(generation_now(state), t.RunTalked(by, place, model, *map(blobs.digest, contents)), contents=contents)
    return found


def exchange(reader: Reader, talked: t.RunTalked) -> tuple[str, Answer] | None:
    """A question and its answer; None where the run came here without what was said."""
    try:
        return reader.blob(talked.question).decode(), msgspec.json.decode(reader.blob(talked.answer), type=Answer)
    except blobs.LeftOut:
        return None
