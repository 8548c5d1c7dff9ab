"""A coding agent of the user as Meta- and Feedback-Agent.

Analysis sends it to a folder with all that it may read; the first decision that holds is recorded. Improvement does the
same work from the log and takes the folder `harness/`, as it was left, as the candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from engine.agents import decisions
from engine.agents.coding import decision
from engine.agents.coding.work import smoked, work
from engine.agents.language import desk, edits, memory, plateau, run_tools, surroundings
from engine.agents.language.prompt import Prompt, compose
from engine.agents.protocol import AgentTools, Errand, InvalidCall, Left, NoProposal, Proposal, View
from engine.events import types as t
from harness_repo.harness import Harness

_PAGE = 8000


class _Decided(msgspec.Struct, frozen=True):
    """A decision that holds: as an event, with its harness, if it is about one."""

    analysis: t.AnalysisFinished
    harness: Harness | None
    tune: int = 0


class CodingAgent:
    """Improves a harness by a client of the user's, which the run's settings name; `kind` is how that begins."""

    def __init__(self, kind: str) -> None:
        self.name = kind

    async def write(self, attempts: Sequence[AgentTools]) -> Proposal | NoProposal:
        """As `Author.write`: each attempt begins with what made the earlier ones fail."""
        made: Proposal | NoProposal = NoProposal("")
        for tools in attempts:
            before = [f"An earlier attempt made no harness: {made.reason}"] if made.reason else []
            facts = surroundings.facts(tools.surroundings)
            prompt = "\n\n".join([_rules("client_meta", tools=tools).text, _task(tools), facts, *before])
            made = await work(tools, Errand(prompt, desk.tree(tools.record), {}), _Writer(tools).judge)
            if isinstance(made, Proposal):
                break
        return made

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """The client's findings and decision."""
        found = await _decide(view, tools)
        noted = plateau.note(view, trainable=tools.trainable)
        if isinstance(found, NoProposal):
            return t.AnalysisFinished(findings=noted + found.reason, lever="harness", reason="no decision was made")
        return msgspec.structs.replace(found.analysis, findings=noted + found.analysis.findings)

    async def improve(self, view: View, analysis: t.AnalysisFinished, tools: AgentTools) -> Proposal | NoProposal:
        """The candidate of that decision."""
        return _proposal(view, await _decide(view, tools))

    async def alternative(self, view: View, made: Sequence[Proposal], tools: AgentTools) -> Proposal | NoProposal:
        """As `Alternatives.alternative`."""
        return _proposal(view, await _decide(view, tools, made))


class _Writer:
    def __init__(self, tools: AgentTools) -> None:
        self._tools = tools

    async def judge(self, left: Left, ordinal: int) -> Proposal:
        """The first harness; raises `InvalidCall`."""
        told = decision.first_decided(left.decision)
        harness = edits.parse_files(left.files)
        await smoked(self._tools, harness, ordinal)
        return Proposal(harness, told.reason, "the first harness")


async def _decide(view: View, tools: AgentTools, made: Sequence[Proposal] = ()) -> _Decided | NoProposal:
    errand = Errand(_prompt(view, tools, made), desk.tree(tools.record, view), view.harness.files, view.notebook)

    async def judge(left: Left, ordinal: int) -> _Decided:
        return await _judged(view, tools, made, left, ordinal)

    return await work(tools, errand, judge)


async def _judged(view: View, tools: AgentTools, made: Sequence[Proposal], left: Left, ordinal: int) -> _Decided:
    """What a client has left, as a decision; raises `InvalidCall` where it does not hold."""
    told = decision.decided(left.decision)
    analysis = t.AnalysisFinished(
        findings=told.findings,
        lever=told.lever,
        reason=told.reason,
        evidence=decisions.cited(view, tools.record, told.evidence),
        expected_gain=told.expected_gain,
        algorithm=told.algorithm,
        recipe=decisions.chosen(told.algorithm, told.hyper_parameters) if told.algorithm else {},
        cost_estimate=told.cost,
        notebook=left.notes[: edits.NOTEBOOK],
    )
    if told.lever == "weights":
        if made or not tools.trainable:
            raise InvalidCall("only the harness may change here: there is no model to train")
        return _Decided(analysis, None)
    if tools.trainable and not made and _only_weights(view):
        raise InvalidCall('only the lever "weights" is offered now')
    harness = edits.parse_files(left.files)
    if harness.files == view.harness.files:
        raise InvalidCall("harness/ is as it was: nothing in it has changed")
    if told.tune and not harness.manifest.tunables:
        raise InvalidCall("there is nothing to tune: harness.toml declares no tunables")
    if known := decisions.known(view, tools.record, harness) or decisions.known_of(made, harness):
        raise InvalidCall(known)
    await smoked(tools, harness, ordinal)
    return _Decided(analysis, harness, told.tune)


def _proposal(view: View, found: _Decided | NoProposal) -> Proposal | NoProposal:
    if isinstance(found, NoProposal):
        return found
    if found.harness is None:
        return NoProposal("the client decided on another lever")
    changed = edits.describe_changes(view.harness, found.harness)
    return Proposal(found.harness, found.analysis.reason, changed, tune=found.tune)


def _only_weights(view: View) -> bool:
    return view.settings.lever == "weights" or plateau.only_training(view)


def _rules(*names: str, tools: AgentTools) -> Prompt:
    """The prompt of these parts, with the rules of a harness and of its model."""
    around = tools.surroundings
    parts = [*names, "harness", *(["model"] if tools.has_task_model else [])]
    return compose(*parts, offered=around.model.can if around.model else ())


def _task(tools: AgentTools) -> str:
    return f"The task, which TASK.md has whole:\n{tools.record.task[:_PAGE]}"


def _prompt(view: View, tools: AgentTools, made: Sequence[Proposal]) -> str:
    trains = tools.trainable and not made
    names = ["client", "client_decision", *(["client_weights"] if trains else [])]
    names += ["client_trying"] if tools.evaluations else []
    parts = [
        _rules(*names, tools=tools).text,
        _task(tools),
        *memory.hints(view, _PAGE),
        f"Candidates so far:\n{run_tools.candidates(view, tools.record, _PAGE)}",
        f"`harness/` is candidate {view.incumbent}.",
        surroundings.facts(tools.surroundings),
        *([plateau.instruction(view)] if plateau.instruction(view) else []),
        *(['Only the lever "weights" is offered now.'] if trains and _only_weights(view) else []),
        *([decisions.made_before(made)] if made else []),
    ]
    return "\n\n".join(parts)
