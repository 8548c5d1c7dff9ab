"""The settings of a run: its gate, its budget, and the domain that it is about."""

from __future__ import annotations

from typing import Literal

import msgspec

AGENT_TOKENS = 120_000
"""Tokens of one conversation of an agent, unless the user chooses otherwise."""
AGENT_MINUTES = 30.0
"""Minutes of one errand of a coding agent, unless the user chooses otherwise."""
Lever = Literal["harness", "weights"]
Trainer = Literal["auto", "ours", "trl"]
"""Who trains the weights: our own loop, TRL, or by `auto` the one that suits model and machine."""
LeverPolicy = Literal["auto", "harness", "weights", "best-of-n"]
Approve = Literal["none", "jumps", "harness", "weights", "all"]
"""The levers whose candidates need a person's approval before they are executed; all but `none` hold jumps, too."""


class Budget(msgspec.Struct, frozen=True, omit_defaults=True):
    """Hard caps; None is no cap. An evaluation is one candidate on one instance; tokens are those of all roles."""

    evaluations: int | None = None
    minutes: float | None = None
    usd: float | None = None
    tokens: int | None = None


class Gate(msgspec.Struct, frozen=True):
    """How a candidate is judged: `alpha` for one candidate, `run_alpha` for all candidates of a run together."""

    alpha: float = 0.01
    run_alpha: float = 0.05
    minimum_effect: float = 0.0


class Settings(msgspec.Struct, frozen=True):
    """Everything chosen by the user or the domain that changes what a run decides. No worker count, no clock.

    `model` is the task agent's language model and `agent_model` that of Meta- and Feedback-Agent, each as
    `BACKEND:NAME`, and `judge` the one that grades rest on; empty where there is none. `seed_harness`: the first
    candidate is the domain's, whatever the agent. `scale` is how large the task's scores are known to be, 0 if that is
    not known; None: the candidate cannot change its own score, and no gain is held (`engine.core.jump`). Of
    `proposals` for one candidate the best on a fold of `train` goes to the gate. `agent_tokens` is how many tokens one
    conversation of a language-model agent may take for reading and trying; an errand of a coding agent, which also has
    `agent_minutes`, may take as many. `client_model` is the model that a coding agent is started with; empty: its own.
    With `tune`, so many values of a proposal's numbers are tried on the fold before the gate (`engine.steps.tuned`).
    With `rotate`, a fresh `val` is drawn from the reserve each so many generations (`engine.core.rotation`); 0: never.
    """

    generations: int
    seed: int
    agent: str
    gate: Gate
    budget: Budget = Budget()
    lever: LeverPolicy = "auto"
    probes: int = 12
    probe_fold: int = 400
    train_sample: int = 200
    repeats: int = 1
    noisy: bool = False
    script: str = ""
    approve: Approve = "none"
    agent_model: str = ""
    model: str = ""
    seed_harness: bool = False
    judge: str = ""
    scale: float | None = None
    proposals: int = 1
    agent_tokens: int = AGENT_TOKENS
    agent_minutes: float = AGENT_MINUTES
    client_model: str = ""
    rotate: int = 0
    tune: int = 0
    trainer: Trainer = "auto"


class DomainRef(msgspec.Struct, frozen=True):
    """The domain of a run. `source` is a built-in's name or a folder.

    `code` is the digest of a folder's own files, known without running them; `digest` covers code, data and cut.
    `caution` is what a person should know of its verifier.
    """

    name: str
    source: str
    digest: str
    title: str
    metric: str
    counts: dict[str, int]
    data: str = ""
    code: str = ""
    caution: str = ""
