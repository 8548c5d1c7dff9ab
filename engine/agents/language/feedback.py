"""The Feedback-Agent: a language model that reads the run through tools and ends with one decision.

Analysis and Improvement are one conversation. A decision whose harness was judged before, also but for comments and
layout, or does not run, goes back to the model. Analysis ends with the first decision that holds, which is recorded
with its evidence. Improvement replays the conversation from the log, and makes the candidate.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from engine.agents import decisions
from engine.agents.language import brief, compact, desk, desk_tools, edits, memory, plateau, run_tools, surroundings
from engine.agents.language.conversation import Conversation, Rejection
from engine.agents.language.edits import UpdateHarness, UpdateTriedHarness, UpdateWeights
from engine.agents.language.prompt import load
from engine.agents.language.toolbox import AgentTool, Arguments
from engine.agents.language.trying import TryTool
from engine.agents.protocol import AgentTools, InvalidCall, NoProposal, Proposal, View
from engine.events import types as t
from engine.models.protocol import ToolCall
from harness_repo.harness import Harness

PAGE = 8000
_ABOUT = "Decide: change the harness of the best candidate so far."
_HARNESS = Arguments("update_harness", _ABOUT, UpdateHarness)
_TRIED_HARNESS = Arguments("update_harness", _ABOUT, UpdateTriedHarness)
_WEIGHTS = Arguments("update_weights", "Decide: train the model, with the harness as it is.", UpdateWeights)


class FeedbackAgent:
    """Improves a harness with a language model."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """The model's findings and decision."""
        conversation, trying = _conversation(view, tools)

        async def decide(ordinal: int, call: ToolCall) -> t.AnalysisFinished | Rejection:
            found = await _checked(view, tools, trying, ordinal, call)
            return found if isinstance(found, Rejection) else found[0]

        found = await conversation.decision(decide)
        noted = plateau.note(view, trainable=tools.trainable)
        if isinstance(found, NoProposal):
            return t.AnalysisFinished(findings=noted + found.reason, lever="harness", reason="no decision was made")
        return replace(found, findings=noted + found.findings)

    async def improve(self, view: View, analysis: t.AnalysisFinished, tools: AgentTools) -> Proposal | NoProposal:
        """The candidate of the first decision that parses and runs."""
        conversation, trying = _conversation(view, tools)

        async def decide(ordinal: int, call: ToolCall) -> Proposal | NoProposal | Rejection:
            found = await _checked(view, tools, trying, ordinal, call)
            if isinstance(found, Rejection):
                return found
            decided, made = found
            if made is None:
                return NoProposal("the model decided on another lever")
            return _proposal(view, decided, made, _update(view, tools, trying, call))

        return await conversation.decision(decide)

    async def alternative(self, view: View, made: Sequence[Proposal], tools: AgentTools) -> Proposal | NoProposal:
        """A candidate that takes another approach than those in `made`; only the harness may change."""
        conversation, trying = _conversation(view, tools, made)

        async def decide(ordinal: int, call: ToolCall) -> Proposal | NoProposal | Rejection:
            found = await _checked(view, tools, trying, ordinal, call)
            if isinstance(found, Rejection):
                return found
            decided, harness = found
            if harness is None:
                return Rejection("only the harness may change here")
            if known := decisions.known_of(made, harness):
                return Rejection(known)
            return _proposal(view, decided, harness, _update(view, tools, trying, call))

        return await conversation.decision(decide)


def _conversation(view: View, tools: AgentTools, made: Sequence[Proposal] = ()) -> tuple[Conversation, TryTool | None]:
    """The conversation, and its tool for tries where there is one; `made` are the proposals of earlier ones."""
    may_train = tools.trainable and not made
    only_weights = may_train and (view.settings.lever == "weights" or plateau.only_training(view))
    is_brief = brief.applies(view, tools)
    may_try = tools.abilities.tools and tools.evaluations > 0 and not only_weights and not is_brief
    trying = TryTool(view.harness.files, tools.record) if may_try else None
    offered: list[AgentTool]
    if is_brief:
        prompt, opening = brief.prompt(view, tools), brief.opening(view, tools, PAGE)
        offered = brief.offered(view, tools, PAGE)
        finals = [brief.tool(view.harness)]
    elif tools.abilities.tools:
        prompt = surroundings.prompt("feedback", tools, trying=trying is not None, training=may_train)
        opening = _opening(view, tools)
        offered = [
            *run_tools.of_run(view, tools.record, PAGE),
            *desk_tools.of_tree(desk.tree(tools.record, view), PAGE, sandbox=tools.has_sandbox),
            *([trying] if trying else []),
        ]
        finals = [(_TRIED_HARNESS if trying else _HARNESS).tool]
    else:
        prompt, opening = load("feedback_small"), compact.opening(view, tools)
        offered = [*compact.read_tools(view, tools.record)]
        finals = [compact.decision(_HARNESS.tool.name, view)]
    if may_train:
        finals = [_WEIGHTS.tool] if only_weights else [*finals, _WEIGHTS.tool]
    if asked := plateau.instruction(view, briefly=is_brief):
        opening = f"{opening}\n\n{asked}"
    if made:
        opening = f"{opening}\n\n{decisions.made_before(made)}"
    return Conversation(tools, prompt, opening, offered, finals), trying


async def _checked(
    view: View, tools: AgentTools, trying: TryTool | None, ordinal: int, call: ToolCall
) -> tuple[t.AnalysisFinished, Harness | None] | Rejection:
    """The decision as an event, and its harness, if any; or the reason why it goes back to the model."""
    try:
        decided, made = _parse_decision(view, tools, trying, call)
    except InvalidCall as error:
        return Rejection(str(error))
    if made is None:
        return decided, None
    if known := decisions.known(view, tools.record, made):
        return Rejection(known)
    ran = await tools.use(ordinal, call, lambda: tools.smoke(made))
    return Rejection(f"the harness does not run.\n{ran.text}") if ran.failed else (decided, made)


def _proposal(
    view: View, decided: t.AnalysisFinished, harness: Harness, update: UpdateHarness | brief.UpdateBriefly
) -> Proposal:
    return Proposal(harness, decided.reason, edits.describe_changes(view.harness, harness), tune=update.tune)


def _update(
    view: View, tools: AgentTools, trying: TryTool | None, call: ToolCall
) -> UpdateHarness | brief.UpdateBriefly:
    if brief.applies(view, tools):
        return brief.UPDATE.parse(call)
    return _TRIED_HARNESS.parse(call) if trying else _HARNESS.parse(call)


def _parse_decision(
    view: View, tools: AgentTools, trying: TryTool | None, call: ToolCall
) -> tuple[t.AnalysisFinished, Harness | None]:
    """The decision as an event, and its harness, if any; raises `InvalidCall` if the call is no valid decision."""
    if call.name == _WEIGHTS.tool.name:
        return _training(view, tools, call), None
    update = _update(view, tools, trying, call)
    decided = t.AnalysisFinished(
        findings=update.findings,
        lever="harness",
        reason=update.reason,
        evidence=decisions.cited(view, tools.record, update.evidence),
        expected_gain=update.expected_gain,
        cost_estimate=update.cost,
        notebook=update.notebook,
    )
    start = trying.files(update.start) if trying and isinstance(update, UpdateTriedHarness) else view.harness.files
    harness = edits.edited(start, update)
    if harness.files == view.harness.files:
        raise InvalidCall("this changes nothing in the harness")
    if update.tune and not harness.manifest.tunables:
        raise InvalidCall("there is nothing to tune: harness.toml declares no tunables")
    return decided, harness


def _training(view: View, tools: AgentTools, call: ToolCall) -> t.AnalysisFinished:
    """The decision to train; raises `InvalidCall` for unknown or invalid hyper-parameters."""
    update = _WEIGHTS.parse(call)
    return t.AnalysisFinished(
        findings=update.findings,
        lever="weights",
        reason=update.reason,
        evidence=decisions.cited(view, tools.record, update.evidence),
        expected_gain=update.expected_gain,
        algorithm=update.algorithm,
        recipe=decisions.chosen(update.algorithm, update.hyper_parameters),
        cost_estimate=update.cost,
        notebook=update.notebook,
    )


def _opening(view: View, tools: AgentTools) -> str:
    """The first user message."""
    harness = view.harness
    params = ", ".join(f"{name} = {value!r}" for name, value in harness.params.items())
    parts = [
        f"The task:\n{tools.record.task[:PAGE]}",
        *memory.hints(view, PAGE),
        *memory.notebook(view, PAGE),
        f"Candidates so far:\n{run_tools.candidates(view, tools.record, PAGE)}",
        f"You change candidate {view.incumbent}. Its files: {', '.join(harness.files)}.",
        f"Its parameters: {params or 'none'}.",
        surroundings.facts(tools.surroundings),
    ]
    return "\n\n".join(parts)
