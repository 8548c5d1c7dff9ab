"""Bringing a run to life: everything is checked before anything is written."""

from __future__ import annotations

import contextlib
import hashlib
import platform
import re
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from importlib import metadata
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine import __version__
from engine.agents.protocol import Agent
from engine.agents.scripted import ScriptedAgent, parse_script
from engine.agents.search import SearchAgent
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.grading.client import Grader, GraderFailed
from engine.grading.loader import Folder, find
from engine.loop.decide import RULES
from engine.loop.run import Observer, Ports, Run
from engine.loop.state import fold
from engine.loop.workspace import Workspace
from engine.sandbox import Isolation, probe
from harness_repo import harness as harnesses

Report = Callable[[str], None]


class Options(msgspec.Struct, frozen=True):
    """What a person may choose for a run. None leaves the domain's or the engine's default."""

    domain: str
    generations: int = 8
    seed: int = 1
    agent: str = "search"
    lever: str = "auto"
    approve: str = "none"
    probes: int | None = None
    budget: t.Budget = t.Budget()
    data: Path | None = None
    workers: int = 1
    name: str = ""
    unsafe: bool = False


class Plan(msgspec.Struct, frozen=True):
    """A checked run that has not begun."""

    folder: Folder
    started: t.RunStarted
    script: str
    isolation: Isolation
    workers: int
    data: Path | None


async def plan(options: Options, report: Report) -> Plan:
    """Checks everything that a run needs, fetching missing data; raises `SiaError` and writes nothing of ours."""
    folder = find(options.domain)
    check_name(folder.spec.name)  # runs are named after it
    _check_numbers(options)
    script = read_script(options.agent)
    make_agent(options.agent, script)
    _check_seed_harness(folder)
    isolation = Isolation.unsafe() if options.unsafe else probe()
    if isolation.level == "none" and not options.unsafe:
        raise SiaError(
            "no sandbox can be built here, and a harness runs code that nobody has read",
            "see `sia doctor`, or accept the risk with --unsafe-no-sandbox",
        )
    digest, counts = await describe(folder, options.data, report)
    spec = folder.spec
    settings = t.Settings(
        generations=options.generations,
        seed=options.seed,
        agent="script" if script else options.agent,
        gate=t.Gate(minimum_effect=spec.minimum_effect),
        budget=options.budget,
        lever=_lever(options.lever),
        probes=t.Settings.__struct_defaults__[2] if options.probes is None else options.probes,
        probe_fold=min(spec.probe_fold, counts["train"] // 2),
        train_sample=min(spec.train_sample, counts["train"] // 2),
        repeats=spec.repeats,
        noisy=spec.noisy,
        script=script,
        approve=_approve(options.approve),
    )
    domain = t.DomainRef(
        name=spec.name,
        source=folder.source,
        digest=digest,
        title=spec.title,
        metric=spec.metric,
        counts=counts,
        data=str(options.data.absolute()) if options.data else "",
    )
    started = t.RunStarted(
        rules=RULES,
        name=options.name,
        domain=domain,
        settings=settings,
        isolation=msgspec.to_builtins(isolation),
        versions=versions(),
    )
    return Plan(folder, started, script, isolation, options.workers, options.data)


async def describe(folder: Folder, data: Path | None, report: Report) -> tuple[str, dict[str, int]]:
    """The digest over a domain's code and data, and its counts; fetches missing data unless `data` names it."""
    grader = Grader(folder, data)
    try:
        try:
            digest, counts = await grader.describe()
        except SiaError:
            if data is not None:
                raise
            report(f"fetching the data of {folder.spec.name}")
            await grader.fetch(report)
            digest, counts = await grader.describe()
    except GraderFailed as error:
        raise SiaError(f"the domain {folder.spec.name} cannot be opened: {error}", "correct its domain.py") from None
    finally:
        await grader.close()
    if counts["val"] == 0 or counts["train"] == 0:
        raise SiaError(
            f"the domain {folder.spec.name} has an empty split ({counts})", "give it instances in train and val"
        )
    return hashlib.sha256(f"{folder.code_digest()}\n{digest}".encode()).hexdigest(), counts


@contextlib.asynccontextmanager
async def begin(workspace: Workspace, planned: Plan, observers: Sequence[Observer] = ()) -> AsyncIterator[Run]:
    """Creates the run in the workspace and holds it."""
    name = _free_name(workspace, planned.started.name, planned.started.domain.name)
    workspace.create()
    log = RunLog.hold(workspace.path, secrets.token_hex(4))
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(log.close)
        async with _ports(workspace, planned) as ports:
            run = Run(log, ports, observers)
            run.append(0, replace(planned.started, name=name))
            yield run


@contextlib.asynccontextmanager
async def take_up(
    workspace: Workspace,
    reference: str,
    *,
    workers: int,
    observers: Sequence[Observer] = (),
    report: Report,
    go_on: bool = True,
    change: Callable[[t.Settings], t.Settings] | None = None,
    unsafe: bool = False,
) -> AsyncIterator[Run]:
    """Holds an existing run, checked against its domain; with `go_on` the log says that it was resumed."""
    with contextlib.closing(workspace.reader()) as reader:
        row = reader.find(reference)
    log = RunLog.hold(workspace.path, row.run)
    with contextlib.ExitStack() as cleanup:
        cleanup.callback(log.close)
        state = fold(log.reader.history(log.run))
        if go_on and state.status == "finished" and change is None:
            raise SiaError(
                f"{state.name} is finished ({state.reason})", "pass --generations or a larger budget to go further"
            )
        folder = find(state.task.source)
        data = Path(state.task.data) if state.task.data else None
        digest, _ = await describe(folder, data, report)
        if digest != state.task.digest:
            raise SiaError(
                f"the domain {state.task.name} is not what it was when this run began (its code or its data changed)",
                "put it back, or start a new run",
            )
        isolation = Isolation.unsafe() if unsafe else probe()
        if isolation.level == "none" and not unsafe:
            raise SiaError(
                "no sandbox can be built here", "see `sia doctor`, or accept the risk with --unsafe-no-sandbox"
            )
        planned = Plan(
            folder,
            t.RunStarted(state.rules, state.name, state.task, state.set),
            state.set.script,
            isolation,
            workers,
            data,
        )
        async with _ports(workspace, planned) as ports:
            run = Run(log, ports, observers)
            run.catch_up()
            run.point_refs()
            if go_on:
                settings = change(run.state.set) if change else None
                at = run.state.current.n if run.state.current else 0
                run.append(
                    at,
                    t.RunResumed(versions=versions(), isolation=msgspec.to_builtins(isolation), settings=settings),
                )
            yield run


@contextlib.asynccontextmanager
async def _ports(workspace: Workspace, planned: Plan) -> AsyncIterator[Ports]:
    grader = Grader(planned.folder, planned.data)
    repository = workspace.repository()
    try:
        agent = make_agent(planned.started.settings.agent, planned.script)
        yield Ports(grader, repository, agent, planned.isolation, planned.workers)
    finally:
        await grader.close()
        repository.close()


def make_agent(name: str, script: str) -> Agent:
    """The agent of that name; raises `SiaError` for one that is not known."""
    if script:
        return ScriptedAgent(parse_script(script))
    if name == "search":
        return SearchAgent()
    raise SiaError(f"there is no agent {name!r}", "choose search, or script:FILE")


def versions() -> dict[str, str]:
    """What this engine is made of, for the log."""
    known = {"sia": __version__, "python": platform.python_version()}
    for package in ("numpy", "scipy", "scikit-learn", "optuna"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            known[package] = metadata.version(package)
    return known


def read_script(agent: str) -> str:
    """The text of the script that `script:FILE` names, else nothing."""
    if not agent.startswith("script:"):
        return ""
    path = Path(agent.removeprefix("script:"))
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SiaError(f"the script {path} cannot be read ({error})", "name a TOML file after script:") from None


def _check_numbers(options: Options) -> None:
    if options.generations < 1:
        raise SiaError("a run needs at least one generation", "pass --generations 1 or more")
    if options.workers < 1:
        raise SiaError("a run needs at least one worker", "pass --workers 1 or more")
    if options.name:
        check_name(options.name)
    caps = (options.budget.evaluations, options.budget.minutes, options.budget.usd)
    if any(cap is not None and cap <= 0 for cap in caps):
        raise SiaError("a budget must be more than nothing", "leave it out for no cap")


def check_name(name: str) -> None:
    """Raises `SiaError` where `name` cannot name a run; git's rules for a ref are stricter than the characters say."""
    plain = re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,63}", name) is not None
    if not plain or ".." in name or name.endswith((".", ".lock")):
        raise SiaError(f"{name!r} is not a name for a run", "use small letters, digits, '.', '_' and '-'")


def _check_seed_harness(folder: Folder) -> None:
    try:
        harnesses.read_folder(folder.path / "harness")
    except harnesses.HarnessInvalid as error:
        raise SiaError(f"the seed harness of {folder.spec.name} is not valid: {error}", "correct it") from None


def _lever(name: str) -> t.LeverPolicy:
    try:
        policy: t.LeverPolicy = msgspec.convert(name, t.LeverPolicy)
    except msgspec.ValidationError:
        raise SiaError(f"there is no lever policy {name!r}", "choose auto, harness, weights or best-of-n") from None
    return policy


def _approve(name: str) -> t.Approve:
    try:
        approve: t.Approve = msgspec.convert(name, t.Approve)
    except msgspec.ValidationError:
        raise SiaError(f"--approve knows no {name!r}", "choose none, harness, weights or all") from None
    return approve


def _free_name(workspace: Workspace, wanted: str, domain: str) -> str:
    taken: set[str] = set()
    if workspace.log.exists():
        with contextlib.closing(workspace.reader()) as reader:
            taken = {run.name for run in reader.runs()}
    if wanted and wanted in taken:
        raise SiaError(f"this workspace already has a run {wanted!r}", "choose another --name")
    return wanted or next(name for i in range(1, 1 << 30) if (name := f"{domain}-{i}") not in taken)
