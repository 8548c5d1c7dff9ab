"""An agent's tools in one step: probes, its model, the run's record, and tool calls whose results are recorded.

Recorded replies and results of the same conversation are returned again, so that after a crash an agent reaches the
same point without new calls.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec

from engine.agents.protocol import (
    Attend,
    Cases,
    Errand,
    Lab,
    Left,
    ProbeRequest,
    Question,
    Surroundings,
    ToolResult,
    Tree,
)
from engine.core import budget
from engine.errors import SiaError
from engine.evaluation import answer_codec
from engine.evaluation.evaluate import evaluate
from engine.evaluation.trial import trials
from engine.events import types as t
from engine.events.storage import blobs
from engine.failure import StepFailure
from engine.models import compaction
from engine.models.calling import BudgetExceeded, ModelUnavailable, Position
from engine.models.protocol import Abilities, ContextTooLong, PermanentError, Reply, Request, ToolCall
from engine.plain import plural
from engine.run.journal import generation_now
from engine.run.live_run import Run
from engine.run.models import facts, is_trainable
from engine.sandbox import Preparation
from engine.seeds import derive
from engine.steps.agent_view import LiveRunRecord
from engine.steps.evaluations import of_proposal
from engine.steps.workbench.desk_folder import DeskFolder
from engine.steps.workbench.errands import Errands
from engine.steps.workbench.surroundings import around
from engine.steps.workbench.tryouts import Tryouts
from harness_repo.harness import Harness

SMOKE_INSTANCES = 3
_LOG_CHARS = 1500


class StepTools:
    """The `AgentTools` of one conversation; `place` names it within the lineage."""

    def __init__(
        self, run: Run, role: t.ModelRole, place: str, record: LiveRunRecord, lab: Lab, tryouts: Tryouts
    ) -> None:
        self._run, self._role, self._place, self._lab, self._tryouts = run, role, place, lab, tryouts
        self.record = record
        self._caller = run.callers.agent
        self._desk = DeskFolder(run.ports)
        self._errands = Errands(run, role, place)
        self._left_out = 0  # results of tools among so many first messages

    @property
    def abilities(self) -> Abilities:
        """As `AgentTools.abilities`."""
        return self._caller.model.abilities if self._caller else Abilities()

    @property
    def has_task_model(self) -> bool:
        """As `AgentTools.has_task_model`."""
        return self._run.callers.task is not None

    @functools.cached_property
    def surroundings(self) -> Surroundings:
        """As `AgentTools.surroundings`."""
        return around(self._run)

    @property
    def trainable(self) -> bool:
        """As `AgentTools.trainable`: the run's lever policy allows training, and its task model is trainable."""
        settings = self._run.state.settings
        return settings.lever in ("auto", "weights") and is_trainable(settings.model)

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        """As `Lab.probe`."""
        return await self._lab.probe(requests)

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        """As `Lab.scores`."""
        return await self._lab.scores(probe)

    async def ask(self, ordinal: int, prompt: str, question: Question) -> Reply:
        """As `AgentTools.ask`. Raises `SiaError` if the user must act, `StepFailure` if a later retry may succeed.

        A conversation that exceeds the model's window is made shorter by rule; that is an event, and lasts.
        """
        if self._caller is None:
            raise SiaError("this agent needs a language model", "name one with --agent-model")
        self._left_out = self._run.effects.compaction(self._place, ordinal) or self._left_out
        window = self._caller.model.abilities.window
        while True:
            request = Request(
                weights=self._caller.model.weights,
                messages=compaction.without_results(question.messages, self._left_out),
                tools=question.tools,
                tool_choice="any" if question.tools else "",
                schema=question.schema,
                max_tokens=question.max_tokens,
                seed=derive(self._run.state.root_seed, "model", self._place, ordinal),
            )
            size = compaction.tokens(request.messages)
            full = f"about {plural(size, 'token')} are more than its window of {window:,}"
            if 0 < window < size and self._compact(ordinal, question, full):
                continue
            at = Position(self._role, self._place, ordinal, prompt=prompt)
            try:
                with self._run.live_text.of(self._role) as listen:
                    return await self._caller.chat(at, request, listen)
            except ContextTooLong as error:
                if not self._compact(ordinal, question, str(error)):
                    raise SiaError(str(error), error.remedy) from None
            except PermanentError as error:
                raise SiaError(str(error), error.remedy) from None
            except ModelUnavailable as error:
                raise StepFailure(t.Failure("infrastructure", str(error))) from None

    def _compact(self, ordinal: int, question: Question, reason: str) -> bool:
        """Leaves out further results of tools, and records it; false where there are none left."""
        before, run = self._left_out, self._run
        self._left_out = compaction.next_cut(question.messages, before)
        left_out = [one.text for one in question.messages[before : self._left_out] if one.role == "tool"]
        if not left_out:
            return False
        event = t.ContextCompacted(
            role=self._role,
            place=self._place,
            ordinal=ordinal,
            messages=self._left_out,
            results=len(left_out),
            characters=sum(map(len, left_out)),
            reason=" ".join(reason.split())[:300],
        )
        run.append(generation_now(run.state), event)
        return True

    async def use(self, ordinal: int, call: ToolCall, work: Callable[[], Awaitable[ToolResult]]) -> ToolResult:
        """As `AgentTools.use`."""
        run = self._run
        arguments = msgspec.json.encode(call.arguments, order="deterministic")
        known = run.effects.tool(self._place, ordinal)
        if known is not None and (known.name, known.arguments) == (call.name, blobs.digest(arguments)):
            try:
                return ToolResult(run.log.reader.blob(known.result).decode(), known.failed)
            except blobs.LeftOut:
                pass
        started = time.monotonic()
        result = await work()
        text = result.text.encode("utf-8", "replace")
        event = t.ToolCalled(
            role=self._role,
            place=self._place,
            ordinal=ordinal,
            name=call.name,
            arguments=blobs.digest(arguments),
            result=blobs.digest(text),
            failed=result.failed,
            evaluations=result.evaluations,
            wall_s=round(time.monotonic() - started, 3),
        )
        run.append(generation_now(run.state), event, contents=[arguments, text])
        return ToolResult(text.decode(), result.failed)

    @functools.cached_property
    def tokens(self) -> int:
        """As `AgentTools.tokens`: what the user allows, as far as the model's window holds it with a reply."""
        settings = self._run.state.settings
        window = facts(settings.agent_model, self._run.ports.folder).window
        return min(settings.agent_tokens, window * 3 // 5) if window else settings.agent_tokens

    @property
    def has_sandbox(self) -> bool:
        """As `AgentTools.has_sandbox`."""
        return self._desk.has_sandbox

    async def run_python(self, tree: Tree, code: str) -> ToolResult:
        """As `AgentTools.run_python`; raises `InfrastructureFailure`."""
        return await self._desk.run(tree, code)

    def close(self) -> None:
        """Removes the folder in which code ran."""
        self._desk.close()

    @property
    def evaluations(self) -> int:
        """As `AgentTools.evaluations`."""
        return self._tryouts.evaluations

    async def try_out(self, ordinal: int, harness: Harness, cases: Cases, why: str) -> ToolResult:
        """As `AgentTools.try_out`."""
        return await self._tryouts.run(ordinal, harness, cases, why)

    async def send(self, ordinal: int, errand: Errand, attend: Attend) -> Left:
        """As `AgentTools.send`."""
        return await self._errands.send(ordinal, errand, attend)

    async def smoke(self, harness: Harness) -> ToolResult:
        """As `AgentTools.smoke`; the instances are the first of the sample that an Execution answers."""
        run = self._run
        material, sampled = await run.domain.divided_train(run.state.settings, run.state.root_seed)
        todo = trials("train", sampled[:SMOKE_INSTANCES], range(1), run.state.root_seed)
        left = budget.affordable_evaluations(run.state)
        if left is not None and left < len(todo):
            now, cap = budget.spending(run.state)["evaluations"]
            raise BudgetExceeded("evaluations", now, cap)
        prepared: list[Preparation] = []
        evaluation = of_proposal(run, harness, material)
        found = [one async for one in evaluate(evaluation, todo, prepared.append)]
        found.sort(key=lambda one: (one.answer.trial.instance, one.answer.trial.repeat))
        if prepared and (broken := prepared[0].failure) is not None:
            text = f"prepare failed ({broken.kind}): {broken.message}\n{prepared[0].log[-_LOG_CHARS:]}"
            return ToolResult(text, failed=True, evaluations=len(found))
        lines: list[str] = []
        for answer, grade in found:
            name, failure = answer.trial.instance, answer.failure
            if failure is None:
                lines.append(f"{name}: answer {answer_codec.pack(answer.value)[0][:200]}, score {grade.score:.4g}")
                continue
            lines.append(f"{name}: failed ({failure.kind}): {failure.message}")
            lines += [answer.log[-_LOG_CHARS:]] if answer.log else []
        failed = any(answer.failure for answer, _ in found)
        return ToolResult("\n".join(lines), failed=failed, evaluations=len(found))
