"""Options that limit a run: budgets, generations, workers, the sandbox."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import click


def cores() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def workers_of(chosen: int | None) -> int:
    """The chosen number of workers, else one per core; raises `SiaError`."""
    from engine.core.settings import check_workers

    workers = cores() if chosen is None else chosen
    check_workers(workers)
    return workers


def limit_options(generations: str) -> Callable[[Any], Any]:
    """The options of every command that works on a run; `generations` says how many there are by default."""

    def decorate(command: Any) -> Any:
        for option in (
            click.option("--plain", is_flag=True, help="Print lines instead of opening the app."),
            click.option("--unsafe-no-sandbox", "unsafe", is_flag=True, help="Run harness code without a sandbox."),
            click.option(
                "--workers", type=int, default=None, help="Instances to execute in parallel.  [default: one per core]"
            ),
            click.option("--budget-tokens", type=int, help="Stop at this many language model tokens."),
            click.option("--budget-usd", type=float, help="Stop at this many US dollars."),
            click.option("--budget-minutes", type=float, help="Stop at this many minutes of work."),
            click.option("--budget-evaluations", type=int, help="Stop at this many evaluations."),
            click.option("--generations", type=int, help=f"Number of candidates to execute.  [default: {generations}]"),
        ):
            command = option(command)
        return command

    return decorate


def limit_assignments(chosen: dict[str, Any]) -> list[str]:
    """The limits given on the command line, as KEY=VALUE assignments to settings."""
    named = {"generations": "generations"} | {
        f"budget_{name}": f"budget.{name}" for name in ("evaluations", "minutes", "usd", "tokens")
    }
    return [f"{setting}={chosen[option]}" for option, setting in named.items() if chosen[option] is not None]
