"""Analysis and Improvement: the agent reads the run, and makes the next candidate from the incumbent."""

from __future__ import annotations

import contextlib
import time
from operator import attrgetter

from msgspec.structs import replace

from engine.agents.language.meta import MetaAgent
from engine.agents.protocol import Author, Lab, NoProposal, PastGeneration, View
from engine.events import types as t
from engine.failure import StepFailure
from engine.run.live_run import Run
from engine.steps import proposals
from engine.steps.agent_tools import StepTools
from engine.steps.agent_view import LiveRunRecord
from engine.steps.ladder import told
from engine.steps.probes import FoldLab, NoLab, of_same_code, recent
from engine.steps.training import step as training
from engine.steps.workbench.tryouts import Tryouts
from harness_repo import harness as harnesses
from harness_repo.objects import Version


async def write_first(run: Run, generation: int) -> None:
    """Writes the first harness: by the Meta-Agent if the run has an agent that writes one, else the domain's seed."""
    agent = run.ports.agent
    author = agent if isinstance(agent, Author) else MetaAgent() if run.ports.agent_model is not None else None
    if author is not None and not run.state.settings.seed_harness:
        await _write_anew(run, generation, author)
        return
    seed = harnesses.read_folder(run.ports.grader.folder.seed(run.state.settings.model))
    reason = f"The seed harness of the domain {run.state.domain.name}: {seed.manifest.name}."
    run.versions.write(generation, Version(seed.files, [], 1, None, "seed", reason), changed="the seed")


async def _write_anew(run: Run, generation: int, author: Author) -> None:
    # each attempt has a place of its own in the log; the earlier ones are replayed from there
    attempts = [
        await _tools(run, "meta", f"meta/{attempt}", NoLab(), Tryouts(run, 0, attempt, None))
        for attempt in range(run.state.rewrites + 1)
    ]
    with contextlib.ExitStack() as stack:
        for tools in attempts:
            stack.callback(tools.close)
        made = await author.write(attempts)
    if isinstance(made, NoProposal):
        raise StepFailure(t.Failure("candidate", f"the Meta-Agent wrote no harness that runs: {made.reason}"))
    version = Version(made.harness.files, [], 1, None, MetaAgent.name, made.reason)
    run.versions.write(generation, version, changed=made.changed)


async def _tools(run: Run, role: t.ModelRole, place: str, lab: Lab, tryouts: Tryouts) -> StepTools:
    await run.ports.grader.tools()  # which the agent is told of
    return StepTools(run, role, place, LiveRunRecord(run, await run.domain.train()), lab, tryouts)


async def _feedback(run: Run, view: View, proposal: int = 0) -> StepTools:
    lab = FoldLab(run, view.generation, view.attempt, view.harness)
    tryouts = Tryouts(run, view.generation, view.attempt, view.harness)
    place = f"feedback/{view.generation}/{view.attempt}" + (f"/{proposal}" if proposal else "")
    return await _tools(run, "feedback", place, lab, tryouts)


async def analyse(run: Run, generation: int) -> None:
    """Appends the agent's findings and its choice of lever."""
    started = time.monotonic()
    view = await _view(run, generation)
    with contextlib.closing(await _feedback(run, view)) as tools:
        analysis = await run.ports.agent.analyse(view, tools)
    run.append(generation, replace(analysis, wall_s=round(time.monotonic() - started, 3)))


async def improve(run: Run, generation: int) -> None:
    """Appends a new harness version, new weights, or the reason why there is no candidate."""
    now = run.state.of(generation)
    view = await _view(run, generation)
    if now.analysis is None:
        raise AssertionError("Improvement follows Analysis")
    if now.analysis.lever == "weights":
        await training.train(run, generation, now.analysis)
        return
    with contextlib.closing(await _feedback(run, view)) as tools:
        made = await run.ports.agent.improve(view, now.analysis, tools)
    with contextlib.ExitStack() as stack:

        async def tools_of(number: int) -> StepTools:
            return stack.enter_context(contextlib.closing(await _feedback(run, view, number)))

        if isinstance(made, NoProposal):
            merged = await proposals.merged(run, view, [], tools_of)
            if merged is None:
                run.append(generation, t.ImprovementFailed(made.reason))
                return
            made = replace(merged, reason=f"{merged.reason} The agent proposed nothing: {made.reason}.")
        else:
            made = await proposals.choose(run, view, made, tools_of)
    if made.harness.files == view.harness.files:
        run.append(generation, t.ImprovementFailed("the proposal changes nothing"))
        return
    parent = run.state.of(view.incumbent).candidate.harness
    version = Version(made.harness.files, [parent], generation + 1, "harness", run.ports.agent.name, made.reason)
    run.versions.write(generation, version, changed=made.changed, alternative=made.alternative)


def _without_private_scores(result: t.InstanceFinished) -> t.InstanceFinished:
    """A result for agents: it says whether the private check failed, not by how much or why."""
    below = result.honest is not None and result.floor is not None and result.honest < result.floor
    refused = "failed the private check" if result.refused or below else ""
    return replace(result, honest=None, floor=None, refused=refused, measures={})


async def _view(run: Run, generation: int) -> View:
    view = make_view(run, generation)
    return replace(view, probes=await of_same_code(run, view.harness, view.probes))


def _past(run: Run) -> list[PastGeneration]:
    """The judged generations. Each is made once: what was judged stays as it is, and the next follows it."""
    made = run.past
    for one in run.state.generations[len(made) :]:
        if not (one.execution and one.verdict):
            break
        made.append(
            PastGeneration(
                n=one.n,
                harness=one.candidate.harness,
                params=run.versions.params(run.state.versions[one.n]),
                lever=one.candidate.lever,
                val=(known := told(run.state, one)).val,
                accepted=one.verdict.accepted,
                verdict=known.verdict,
                weights=one.candidate.weights,
                refused=one.execution.private is not None and not one.execution.private.passed,
                program=run.versions.program(run.state.versions[one.n]),
            )
        )
    return list(made)


def make_view(run: Run, generation: int) -> View:
    """What an agent may know at the end of `generation`."""
    state = run.state
    incumbent = state.incumbent or generation
    candidate = state.of(generation).candidate
    attempt = len(state.of(generation).failed_improvements)
    return View(
        generation=generation,
        attempt=attempt,
        improvements=generation - 1 + sum(map(len, map(attrgetter("failed_improvements"), state.generations))),
        settings=state.settings,
        incumbent=incumbent,
        harness=run.versions.harness(state.versions[incumbent]),
        past=_past(run),
        train=[
            _without_private_scores(result)
            for key, result in sorted(run.results.of(generation, candidate).items())
            if key[0] == "train"
        ],
        # after a crash the agent must see exactly what it saw the first time
        probes=recent(run.effects.probes_before(generation, attempt)),
        failed=state.of(generation).failed_improvements,
        declined=[run.versions.params(version) for version in state.declined],
        declined_programs=[run.versions.program(version) for version in state.declined],
        evidence=run.effects.evidence(generation),
        weights=state.of(incumbent).candidate.weights,
        hints=run.effects.hints,
        notebook=run.effects.notebook,
        known=run.effects.known,
    )
