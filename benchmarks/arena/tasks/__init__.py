"""The tasks of the arena, by name. The list is dated: a change of a task is a change of the date."""

from __future__ import annotations

from benchmarks.arena import programs
from benchmarks.arena.task import Task
from benchmarks.arena.tasks import categorical, conditional, geometry, mixed, rugged, signals, smooth, tuning
from engine.errors import SiaError

DATED = "2026-11-30"
_MODULES = (smooth, rugged, mixed, categorical, conditional, tuning, signals, geometry)
TASKS = {task.name: task for module in _MODULES for task in module.TASKS} | programs.TASKS

__all__ = ["DATED", "TASKS", "Task", "find"]


def find(name: str) -> Task:
    """The task of that name; raises `SiaError`."""
    if name not in TASKS:
        raise SiaError(f"there is no task {name!r}", "python -m benchmarks.arena list names them")
    return TASKS[name]
