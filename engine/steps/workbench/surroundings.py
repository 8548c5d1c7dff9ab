"""How harnesses of a run are executed, as its agents are told."""

from __future__ import annotations

import functools
from importlib.util import find_spec

from engine.agents.protocol import Surroundings, TaskModel
from engine.plain import plural
from engine.run.live_run import Run
from engine.run.models import facts

_PACKAGES = ("numpy", "scipy", "sklearn", "pandas", "torch", "transformers", "lightgbm", "xgboost", "networkx", "sympy")
"""Those that a harness is likely to want."""


def around(run: Run) -> Surroundings:
    """The surroundings of the run's harnesses."""
    folder = run.ports.grader.folder
    tools = [
        f"{one.name}({', '.join(one.parameters.get('properties', ()))}), {plural(one.calls, 'time')} a solve: "
        f"{one.description}"
        for one in run.ports.grader.known_tools or ()
    ]
    folders = sorted(folder.folders())
    return Surroundings(folder.spec.limits, _installed(), folder.spec.learns, folders, _model(run), tools)


@functools.cache
def _installed() -> tuple[str, ...]:
    return tuple(name for name in _PACKAGES if find_spec(name) is not None)


def _model(run: Run) -> TaskModel | None:
    caller, name = run.callers.task, run.state.settings.model
    if caller is None:
        return None
    found, abilities = facts(name, run.ports.folder), caller.model.abilities
    can = [one for one in ("choices", "schema", "score", "tools") if getattr(abilities, one)]
    return TaskModel(name.partition(":")[2] or name, can, found.window, found.usd_in, found.usd_out)
