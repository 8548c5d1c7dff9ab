"""Starts and reopens runs. Everything is checked before anything is written."""

from __future__ import annotations

import contextlib
import platform
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from engine import __version__, trust
from engine.agents.choice import make_agent
from engine.agents.language.prompt import CLIENT_NAMES, NAMES, load
from engine.clients.table import client_of
from engine.core import rotation
from engine.core.decide import RULES, gave_up
from engine.core.settings import check_form, check_name, check_workers, shortened
from engine.domain_files import check_path
from engine.errors import SiaError
from engine.evaluation import harness_packages, verifier_noise
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import RunRow
from engine.grading.client import Grader
from engine.grading.loader import Folder, find
from engine.grading.reserve import RESERVE
from engine.loop import earlier_runs
from engine.loop.agent_client import check_client, writes_first
from engine.models.calling import PricedModel
from engine.run.domain_session import Report, check_code, choose_isolation, describe, open_domain
from engine.run.live_run import Observer, Ports, Run, folded
from engine.run.models import check, references, serve
from engine.run.named_paths import agent_of, code_of, models_of
from engine.run.options import Options, check_counts, check_reserve, settings_of
from engine.run.workspace import Workspace
from engine.sandbox import Isolation
from harness_repo import harness as harnesses


class RunPlan(msgspec.Struct, frozen=True):
    """A run that was checked and has not started."""

    folder: Folder
    started: t.RunStarted
    isolation: Isolation
    workers: int
    data: Path | None


async def plan(options: Options, report: Report, workspace: Workspace | None = None) -> RunPlan:
    """Checks everything that a run needs and fetches missing data; raises `SiaError`. The workspace is not touched."""
    place = workspace or Workspace(Path(".sia"))
    folder = find(options.domain)
    check_form(folder.spec.name)  # runs are named after it
    settings = settings_of(options, folder.spec)
    check_workers(options.workers)
    if options.name:
        check_name(options.name)
    if options.data:
        check_path(str(options.data.absolute()))
    _check_seed_harness(folder, settings.model)
    await check(settings, place.path)
    isolation = choose_isolation(unsafe=options.unsafe)
    check_client(settings, isolation, report)
    if not writes_first(settings):
        verifier_noise.check_first(folder, settings.model)
    folder = await verifier_noise.measure(folder, isolation, report)
    share = folder.spec.reserve if options.reserve is None else options.reserve
    digest, counts, title = await describe(
        folder, options.data, report, check_reserve(share), rotate=settings.rotate > 0
    )
    rotation.check(folder.spec.name, settings, counts)
    if share and not settings.rotate:
        check_counts(folder.spec.name, counts)
    spec, half = folder.spec, counts["train"] // 2
    settings = replace(
        settings,
        probe_fold=min(settings.probe_fold, half),
        train_sample=min(settings.train_sample, half),
        noisy=spec.noisy,
        scale=verifier_noise.scale(folder),
    )
    if folder.adopted:
        settings = replace(settings, repeats=verifier_noise.repeats(settings, counts["val"]))
    if counts["val"] == 1 and settings.repeats > 1:
        settings = replace(settings, noisy=True)  # repeats of one generation share its moment of the machine
    domain = t.DomainRef(
        name=spec.name,
        source=folder.source,
        digest=digest,
        title=title,
        metric=spec.metric,
        counts=counts,
        code=folder.code_digest(),
        data=str(options.data.absolute()) if options.data else "",
        caution=folder.adopted.caution if folder.adopted else "",
    )
    known: list[t.Known] = []
    if options.warm_start and settings.agent != "search":
        report(f"a warm start is for the search agent; {settings.agent} tries no values of earlier runs")
    elif options.warm_start:
        known = earlier_runs.known_values(place, spec.name)
        report(earlier_runs.told(known, spec.name))
    started = t.RunStarted(
        rules=RULES,
        name=options.name,
        domain=domain,
        settings=settings,
        isolation=isolation_facts(isolation),
        versions=component_versions() | _prompts(settings),
        known=known,
    )
    return RunPlan(folder, started, isolation, options.workers, options.data)


@contextlib.asynccontextmanager
async def start(
    workspace: Workspace, planned: RunPlan, observers: Sequence[Observer] = (), report: Report = lambda _: None
) -> AsyncIterator[Run]:
    """Creates the run in the workspace, and holds it until the block ends. Raises `Untrusted` for the workspace.

    The domain and the data that it was planned with were named by the user, and are trusted from now on.
    """
    trust.check(workspace.path)
    started = planned.started
    for place in [*code_of(started.domain), *models_of(started.settings), *agent_of(started.settings)]:
        trust.remember_named(place)
    free_name(workspace, started.name, f"{started.domain.name}-")
    async with contextlib.AsyncExitStack() as cleanup:
        served = await _models(workspace, started.settings, references(started.settings), report, cleanup)
        workspace.create()
        reserve = started.domain.counts.get(RESERVE, 0)
        grader = Grader(planned.folder, planned.data, planned.isolation, report=report, reserve=reserve)
        cleanup.push_async_callback(grader.close)
        ports = _ports(workspace, grader, started.settings, planned.isolation, planned.workers, served, cleanup)
        with workspace.name_lock():
            name = free_name(workspace, started.name, f"{started.domain.name}-")
            log = RunLog.hold(workspace.path, secrets.token_hex(4))
            cleanup.callback(log.close)
            run = Run(log, ports, observers)
            grader.tell = run.live_work.tell
            cleanup.callback(_report_late, run, report)
            run.append(0, replace(started, name=name))
        yield run


@contextlib.asynccontextmanager
async def reopen(
    workspace: Workspace,
    reference: str,
    *,
    workers: int,
    observers: Sequence[Observer] = (),
    report: Report,
    resume: bool = True,
    change: Callable[[t.Settings], t.Settings] | None = None,
    models: Callable[[t.Settings], set[str]] | None = None,
    unsafe: bool = False,
) -> AsyncIterator[Run]:
    """Holds an existing run, checked against its domain, until the block ends; with `resume` appends `run.resumed`.

    `models` says which of its models are opened; without it, those that it needs.

    Raises `Untrusted` for a workspace, a domain or a model server that its user has not named.
    """
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(reference)
    trust.check(workspace.path)
    async with contextlib.AsyncExitStack() as cleanup:
        log = RunLog.hold(workspace.path, row.run)
        cleanup.callback(log.close)
        history = folded(log)  # once, also for the run below: most of what a resume of a long run costs
        state = history.state
        settings = change(state.settings) if change else None
        if resume and state.status == "finished" and settings in (None, state.settings):
            if not gave_up(state):
                remedy = "pass more --generations or a larger budget to go further"
                raise SiaError(f"{state.name} is finished ({state.reason})", remedy)
            settings = state.settings  # an agent that found no further candidate is asked again
        now = settings or state.settings
        trust.check(None, [*models_of(now), *agent_of(now)])
        isolation = choose_isolation(unsafe=unsafe)
        if resume:
            check_client(now, isolation, report)
        folder = await verifier_noise.measure(check_code(state.domain), isolation, report)  # the cache may be empty
        grader = await cleanup.enter_async_context(open_domain(state.domain, folder, report, isolation))
        # a run that is not running is reopened for its sealed test, which calls no agent
        needed = references(now) if resume or state.status == "running" else {now.model, now.judge} - {""}
        needed = models(now) if models else needed
        served = await _models(workspace, now, needed, report, cleanup)
        ports = _ports(workspace, grader, now, isolation, workers, served, cleanup)
        run = Run(log, ports, observers, history=history)
        grader.tell = run.live_work.tell
        cleanup.callback(_report_late, run, report)
        if one := run.state.versions.get(run.state.incumbent or 1):  # what it needed is perhaps not on this machine
            harness_packages.check(run.versions.harness(one), folder.seed(now.model))
        resumed = t.RunResumed(component_versions(), isolation_facts(isolation), settings)
        take_up(run, row, resumed if resume else None)
        yield run


def take_up(run: Run, row: RunRow, resumed: t.RunResumed | None) -> None:
    """Brings git to the end of a run that has caught up, and appends `resumed`. `row` is what the log has of it."""
    if run.state.name != row.name:  # imported, and another run here had its name first
        run.append(row.generation, t.RunRenamed(row.name))
    run.refs.point(run.state)
    if resumed:
        run.append(run.state.generation, resumed)


def _report_late(run: Run, report: Report) -> None:
    for text in run.late:
        report(text)


async def _models(
    workspace: Workspace, settings: t.Settings, needed: set[str], report: Report, cleanup: contextlib.AsyncExitStack
) -> dict[str, PricedModel]:
    """Opens the models `needed`; returns them by their references in the settings."""
    served: dict[str, PricedModel] = {}
    for reference in sorted(needed):
        served[reference] = await serve(reference, settings, workspace.path, report, workspace.path / "adapters")
        cleanup.push_async_callback(served[reference].model.close)
    return served


def _ports(
    workspace: Workspace,
    grader: Grader,
    settings: t.Settings,
    isolation: Isolation,
    workers: int,
    served: Mapping[str, PricedModel],
    cleanup: contextlib.AsyncExitStack,
) -> Ports:
    repository = workspace.repository()
    agent = make_agent(settings.agent, settings.script)
    task_model, agent_model, judge = map(served.get, (settings.model, settings.agent_model, settings.judge))
    return Ports(grader, repository, agent, isolation, workers, task_model, agent_model, judge, workspace.path)


def isolation_facts(isolation: Isolation) -> dict[str, Any]:
    """The isolation as the log records it: what it achieves, not where this machine keeps its programs."""
    facts: dict[str, Any] = msgspec.to_builtins(replace(isolation, bwrap=""))
    return facts


def component_versions() -> dict[str, str]:
    """The versions of sia, Python and the packages that results depend on, for the log."""
    known = {"sia": __version__, "python": platform.python_version()}
    for package in ("numpy", "scipy", "scikit-learn", "optuna"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            known[package] = metadata.version(package)
    return known


def _prompts(settings: t.Settings) -> dict[str, str]:
    names = NAMES if settings.agent_model else CLIENT_NAMES if client_of(settings.agent) else ()
    return {f"prompt:{prompt.name}": f"{prompt.version}:{prompt.sha256[:16]}" for prompt in map(load, names)}


def _check_seed_harness(folder: Folder, model: str) -> None:
    try:
        seed = harnesses.read_folder(folder.seed(model))
    except harnesses.HarnessInvalid as error:
        raise SiaError(f"the seed harness of {folder.spec.name} is not valid: {error}", "correct it") from None
    harness_packages.check(seed, folder.seed(model))


def free_name(workspace: Workspace, name: str, stem: str) -> str:
    """`name`, or the first of stem1, stem2, ... that no run has; raises `SiaError` where `name` is taken.

    `stem` ends in the mark before the number; a long one is cut, so that names of forks of forks stay names of runs.
    """
    stem = shortened(stem[:-1], 7) + stem[-1]
    runs: list[RunRow] = []
    if workspace.log.exists():
        with contextlib.closing(workspace.reader()) as reader:
            runs = reader.runs()
    taken = {run.name for run in runs}
    if name and any(run.goes_by(name) for run in runs):
        raise SiaError(f"this workspace already has a run {name!r}", "choose another --name")
    return name or next(free for i in range(1, 1 << 30) if (free := f"{stem}{i}") not in taken)
