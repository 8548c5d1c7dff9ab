"""Kernels in the kernel runner: honest ones count; a refusal says at which stage."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domains.trimul import suite
from domains.trimul.candidate import KernelRefused
from engine.grading.kernel_runner import SandboxedKernelRunner

pytestmark = pytest.mark.kernels
pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
FOLDER = Path(suite.__file__).parent


def seed_answer(**params: Any) -> dict[str, Any]:
    path = FOLDER / "harness" / "agent.py"
    spec = importlib.util.spec_from_file_location("agent", path)
    assert spec and spec.loader
    agent = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(agent)
    return dict(agent.solve(None, SimpleNamespace(params=params)))


HONEST = {
    "the reference": {"structure": "reference"},
    "fused": {"structure": "fused"},
    "C++ in chunks": {"structure": "chunked", "chunk": 64, "optimise": "-O3"},
    "C++ in vectors of AVX2": {
        "structure": "tiled",
        "lanes": 8,
        "tile": 3,
        "columns": 4,
        "share": 1,
        "optimise": "-O3",
    },
    "C++ in vectors of AVX-512": {
        "structure": "tiled",
        "lanes": 16,
        "tile": 6,
        "columns": 6,
        "share": 1,
        "optimise": "-O3",
    },
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_kernel_counts(runner: SandboxedKernelRunner, name: str) -> None:
    assert suite.geometric_mean(suite.run(seed_answer(**HONEST[name]), runner)) > 0


BROKEN = {
    "parse": {"language": "torch", "source": "def custom_kernel(data:"},
    "compile": {"language": "c++", "source": "custom_kernel = None", "code": "no C++", "flags": []},
    "smallest case": {"language": "torch", "source": "def custom_kernel(data):\n    raise ValueError('no')"},
}


@pytest.mark.parametrize("stage", BROKEN)
def test_a_refusal_names_its_stage(runner: SandboxedKernelRunner, stage: str) -> None:
    with pytest.raises(KernelRefused) as refused:
        suite.run(BROKEN[stage], runner)
    assert refused.value.stage == stage
