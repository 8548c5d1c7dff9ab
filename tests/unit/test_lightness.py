"""What must load fast loads nothing heavy."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = [
    "textual", "optuna", "sklearn", "scipy", "torch", "transformers", "anthropic", "httpx2", "pydantic", "llama_cpp",
    "ray", "scanpy",
]  # fmt: skip


def loaded(statement: str) -> set[str]:
    script = f"import sys\n{statement}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["engine", "engine.models.backends.anthropic", "engine.models.backends.openai", "engine.models.backends.llamacpp",
     "engine.models.backends.transformers", "engine.models.backends.vllm", "engine.events.log", "engine.core.decide",
     "engine.core.replay", "engine.steps.training.step", "engine.weights.client",
     "engine.queries.audit", "engine.core.gate", "engine.loop.driver", "engine.agents.search",
     "engine.grading.client", "harness_repo.repository"],
)  # fmt: skip
def test_a_module_loads_nothing_heavy(module: str) -> None:
    assert loaded(f"import {module}") == set()


def test_help_loads_no_engine_and_nothing_heavy() -> None:
    script = "from sia_tui.main import cli\nfrom click.testing import CliRunner\n"
    script += "assert CliRunner().invoke(cli, ['--help']).exit_code == 0\n"
    script += "assert not [name for name in sys.modules if name.startswith('engine.')]"
    assert loaded(script) == set()


def test_a_heavy_module_would_be_seen() -> None:
    assert loaded("import scipy") == {"scipy"}
