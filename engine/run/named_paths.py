"""What a run's log names: its domain's code and data, its models' files or servers, and the command of its agent.

A log may come from anyone. What it names is used only once the user has trusted it (`engine.trust`).
"""

from __future__ import annotations

from pathlib import Path

from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader, RunRow
from engine.grading.loader import built_in
from engine.run.models import references
from engine.trust import COMMANDS, Place
from engine.user_path import expanded


def code_of(task: t.DomainRef) -> list[Path]:
    """The folder of the domain, unless it comes with sia, and its data, unless it is the domain's own."""
    source = [] if task.source in built_in() else [expanded(task.source).absolute()]
    return source + ([Path(task.data)] if task.data else [])


def models_of(settings: t.Settings) -> list[Place]:
    """The files and folders that the run's models are loaded from, and the addresses that they are asked at.

    An address that the user's own settings name is left out.
    """
    from engine.models import catalog

    found: list[Place] = []
    for reference in sorted(references(settings)):
        try:
            parsed = catalog.parse(reference)
        except SiaError:  # opening the model raises the error
            continue
        if parsed.backend in ("gguf", "hf", "vllm") and not parsed.at and parsed.name != catalog.SMOLLM2:
            found.append(expanded(parsed.name).absolute())
        elif address := catalog.foreign_address(parsed):
            found.append(address)
    return found


def agent_of(settings: t.Settings) -> list[Place]:
    """The command that the run's agent is, if it is one."""
    return [settings.agent] if settings.agent.startswith(COMMANDS) else []


def named_by(state: State) -> list[Place]:
    """The code, data, models, servers and command that a run's log names, with its settings as they are in `state`."""
    return [*code_of(state.domain), *models_of(state.settings), *agent_of(state.settings)]


def places_of(reader: Reader, row: RunRow) -> list[Place]:
    """All that the log names for a run, with its settings at its head."""
    return named_by(fold(reader.outline(row.run)))
