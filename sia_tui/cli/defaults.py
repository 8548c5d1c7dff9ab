"""Options that were left out take their values from sia.toml and the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

SETTINGS = {name: name for name in ("agent", "agent_model", "model", "lever", "trainer", "approve", "workers")} | {
    f"budget_{name}": f"budget.{name}" for name in ("evaluations", "minutes", "usd", "tokens")
}
"""By option, the setting that replaces it if it is left out."""


def with_defaults(folder: Path, chosen: dict[str, Any]) -> dict[str, Any]:
    """The options of the current command; those left out take the settings of the workspace `folder`."""
    from engine.user_settings import DEFAULT, read

    context = click.get_current_context()
    left_out = {name for name in chosen if context.get_parameter_source(name) is ParameterSource.DEFAULT}
    if "agent" not in left_out:
        left_out.discard("agent_model")  # the setting belongs to the configured agent, not to another
    known = {row.key: row.value for row in read(folder).origins if row.origin != DEFAULT}
    return chosen | {name: known[key] for name, key in SETTINGS.items() if name in left_out and key in known}
