"""The options of a new run, checked and turned into the settings that the log records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from domains.contract import Spec
from engine.agents.choice import LANGUAGE_MODELS, make_agent
from engine.clients.client import Client
from engine.clients.table import client_of, settled
from engine.core.settings import check_numbers
from engine.errors import SiaError
from engine.events import types as t
from engine.models.extras import find_missing
from engine.run.models import full_reference, is_trainable
from engine.user_path import expanded
from engine.weights.trl.choice import PACKAGES as TRL


class Options(msgspec.Struct, frozen=True):
    """The options of a new run; None is the default of the domain or the engine."""

    domain: str
    generations: int = 8
    seed: int = 1
    agent: str = "search"
    agent_model: str = ""
    model: str = ""
    judge: str = ""
    seed_harness: bool = False
    lever: str = "auto"
    trainer: str = "auto"
    approve: str = "jumps"
    probes: int | None = None
    proposals: int = 1
    tune: int = 0
    agent_tokens: int = t.AGENT_TOKENS
    agent_minutes: float = t.AGENT_MINUTES
    reserve: float | None = None
    rotate: int = 0
    warm_start: bool = False
    budget: t.Budget = t.Budget()
    data: Path | None = None
    workers: int = 1
    name: str = ""
    unsafe: bool = False


def settings_of(options: Options, spec: Spec) -> t.Settings:
    """The settings of a new run; raises `SiaError` where an option is not valid."""
    script = read_script(options.agent)
    agent = "script" if script else settled(options.agent)
    client = None if script else client_of(agent)
    settings = t.Settings(
        generations=options.generations,
        seed=options.seed,
        agent=agent,
        gate=t.Gate(minimum_effect=spec.minimum_effect),
        budget=options.budget,
        lever=_one_of(options.lever, t.LeverPolicy, "--lever", "auto, harness, weights or best-of-n"),
        trainer=_one_of(options.trainer, t.Trainer, "--trainer", "auto, ours or trl"),
        approve=_one_of(options.approve, t.Approve, "--approve", "none, jumps, harness, weights or all"),
        probe_fold=spec.probe_fold,
        train_sample=spec.train_sample,
        repeats=spec.repeats,
        noisy=spec.noisy,
        script=script,
        agent_model="" if client else full_reference(agents_model(options.agent, options.agent_model)),
        model=full_reference(options.model or spec.model),
        judge=full_reference(_judge(options.judge, spec)),
        seed_harness=options.seed_harness,
        probes=spec.probes if options.probes is None else options.probes,
        proposals=options.proposals,
        tune=options.tune,
        agent_tokens=options.agent_tokens,
        agent_minutes=options.agent_minutes,
        client_model=options.agent_model if client else "",
        rotate=options.rotate,
    )
    check_settings(settings)
    return settings


def check_reserve(share: float) -> float:
    """`share` of `train` as a reserve; raises `SiaError` where it is none."""
    if not 0 <= share < 1:
        raise SiaError(f"a reserve cannot be {share:g} of train", "pass --reserve 0.5, say, or 0 for none")
    return share


def check_counts(domain: str, counts: Mapping[str, int]) -> None:
    """Raises `SiaError` where a reserve is too small for a second look, or a second look has no use."""
    val, kept = counts["val"], counts["reserve"]
    if val < 2 or 4 * kept < val:
        raise SiaError(
            f"{domain} has too few instances for a second look: {val} in val and {kept} in the reserve",
            "the reserve must have a quarter of the instances of val: pass a larger --reserve, or 0 for none",
        )


def _judge(chosen: str, spec: Spec) -> str:
    if spec.judged and not chosen:
        raise SiaError(
            f"answers to {spec.name} are judged by a language model, and none is named", "pass --judge MODEL"
        )
    if chosen and not spec.judged:
        raise SiaError(f"{spec.name} has no use for a judge", "leave --judge out")
    return chosen


def _one_of(value: str, kind: Any, option: str, known: str) -> Any:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise SiaError(f"{option} cannot be {value!r}", f"choose {known}") from None


def agents_model(agent: str, chosen: str) -> str:
    """The language model that is behind the agent; raises `SiaError` where it is missing, or has no use."""
    if agent not in LANGUAGE_MODELS:
        if chosen:
            if not agent.startswith("script:"):
                make_agent(agent, "")  # which says what agents there are
            raise SiaError(
                f"the agent {agent} is not a language model", "leave --agent-model out, or choose another agent"
            )
        return ""
    if not (model := chosen or LANGUAGE_MODELS[agent]):
        raise SiaError(f"the agent {agent} needs the name of a model", "pass --agent-model")
    return model


def read_script(agent: str) -> str:
    """The text of the script that `script:FILE` names; empty for other agents."""
    if not agent.startswith("script:"):
        return ""
    path = expanded(agent.removeprefix("script:"))
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SiaError(f"the script {path} cannot be read ({error})", "name a TOML file after script:") from None


def check_settings(settings: t.Settings) -> None:
    """Raises `SiaError` for settings that are out of range, or that no agent or model here can meet."""
    check_numbers(settings)
    if settings.lever == "weights" and not is_trainable(settings.model):
        raise SiaError(
            "the lever policy weights needs a model that can be trained", "pass --model hf:FOLDER, or hf:smollm2"
        )
    trains = settings.lever in ("auto", "weights") and is_trainable(settings.model)
    if trains and settings.trainer == "trl" and (absent := find_missing(TRL, "train")):
        raise absent
    make_agent(settings.agent, settings.script)
    client = client_of(settings.agent)
    if settings.proposals > 1 and settings.agent not in LANGUAGE_MODELS and client is None:
        raise SiaError(
            f"the agent {settings.agent} makes one proposal for a candidate, not {settings.proposals}",
            "leave --proposals out, or choose an agent that is a language model",
        )
    if settings.tune and settings.agent not in LANGUAGE_MODELS and client is None:
        raise SiaError(
            f"the agent {settings.agent} makes no proposals whose numbers could be tuned",
            "leave --tune out, or choose an agent that is a language model; the agent search tunes by itself",
        )
    check_client(client, settings)
    agents_model(settings.agent, settings.agent_model)


def check_client(client: Client | None, settings: t.Settings) -> None:
    """Raises `SiaError` where a coding agent cannot keep a cap of the settings, or has no use for a model."""
    if client is None:
        if settings.client_model:
            raise SiaError(f"the agent {settings.agent} is no coding agent", "leave client_model out")
        return
    if settings.client_model and not client.takes_model:
        raise SiaError(f"{client.title} is started as it is, and takes no --agent-model", "leave --agent-model out")
    if settings.budget.usd is not None and client.cost != "money":
        raise SiaError(
            f"{client.title} does not tell what it costs, so a budget of dollars cannot be kept",
            "leave --budget-usd out; --agent-minutes and --agent-tokens limit each errand",
        )
    if settings.budget.tokens is not None and client.cost == "nothing":
        raise SiaError(
            f"{client.title} does not tell its tokens, so a budget of tokens cannot be kept",
            "leave --budget-tokens out; --agent-minutes limits each errand",
        )
