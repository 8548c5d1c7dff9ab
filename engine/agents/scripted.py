"""The scripted agent: its decisions come from a file, for tests and demonstrations.

The file is TOML: a list of `[[decision]]`, one for each Improvement in order, with `reason` and one of
`params = {...}`, `files = {path = text}` (replacing or adding), `nothing = "why"`, or `lever = "weights"` with an
`algorithm` and its hyper-parameters in `recipe = {...}`. With `tune = N`, N values of the tunables are tried first.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from typing import Annotated

import msgspec

from engine.agents.protocol import MOST_TUNED, AgentTools, NoProposal, Proposal, View
from engine.errors import SiaError
from engine.events import types as t
from engine.weights.recipe import recipe
from harness_repo.harness import HarnessInvalid, parse
from harness_repo.tunable import Value


class Decision(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of the script."""

    reason: str = "as scripted"
    params: dict[str, Value] = {}
    files: dict[str, str] = {}
    nothing: str = ""
    lever: t.Lever = "harness"
    algorithm: str = ""
    recipe: dict[str, Value] = {}
    tune: Annotated[int, msgspec.Meta(ge=0, le=MOST_TUNED)] = 0


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    decision: list[Decision]


def parse_script(text: str) -> list[Decision]:
    """The decisions of a script; raises `SiaError` if it is not valid."""
    try:
        decisions = msgspec.convert(tomllib.loads(text), Script).decision
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise SiaError(f"the script is not valid: {error}", "docs/guide.md, 'A scripted run', shows the form") from None
    for decision in decisions:
        if decision.lever == "weights":
            recipe(decision.algorithm, decision.recipe)  # fail before the run starts, not in its training
    return decisions


class ScriptedAgent:
    """Follows a script."""

    name = "script"

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self._decisions = decisions

    def _next(self, view: View) -> Decision:
        at = view.improvements
        return self._decisions[at] if at < len(self._decisions) else Decision(nothing="the script has ended")

    async def analyse(self, view: View, tools: AgentTools) -> t.AnalysisFinished:
        """The lever and the reason of the scripted decision."""
        return t.AnalysisFinished(
            findings=f"the script's decision after generation {view.generation}",
            lever=self._next(view).lever,
            algorithm=self._next(view).algorithm,
            recipe=self._next(view).recipe,
            reason=self._next(view).reason,
            evidence=list(view.evidence),
        )

    async def improve(self, view: View, analysis: t.AnalysisFinished, tools: AgentTools) -> Proposal | NoProposal:
        """The candidate of the scripted decision."""
        decision = self._next(view)
        if decision.nothing:
            return NoProposal(decision.nothing)
        files = {**view.harness.files, **{path: text.encode() for path, text in decision.files.items()}}
        try:
            harness = parse(files).with_params(decision.params) if decision.params else parse(files)
        except HarnessInvalid as error:
            return NoProposal(f"the scripted edit is not a harness: {error}")
        return Proposal(
            harness, decision.reason, ", ".join([*decision.params, *decision.files]) or "nothing", decision.tune
        )
