"""Honest kernels in three languages count: those of honest/; the seed harness's own are in test_candidates.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domains.trimul import cases, suite
from engine.grading.kernel_runner import SandboxedKernelRunner

pytestmark = pytest.mark.kernels
pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
HERE = Path(__file__).with_name("honest")
OURS = {file.stem: file.stem.partition("_")[0].replace("cpp", "c++") for file in sorted(HERE.glob("*.py"))}
"""Languages by the file's name."""


def ours(name: str) -> dict[str, Any]:
    made: dict[str, Any] = {"language": OURS[name], "source": (HERE / f"{name}.py").read_text()}
    if OURS[name] == "c++":
        made["code"] = (HERE / f"{name}.cpp").read_text()
        made["flags"] = ["-O3", "-march=native", "-ffast-math", "-fopenmp"]
    return made


@pytest.mark.parametrize("name", OURS)
def test_an_honest_kernel_counts(runner: SandboxedKernelRunner, name: str) -> None:
    if OURS[name] == "numba":
        pytest.importorskip("numba", reason="needs pip install 'sia-tui[kernels]'")
    assert suite.geometric_mean(suite.run(ours(name), runner)) > 0


def test_a_kernel_that_torch_compiles_counts(runner: SandboxedKernelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its disk holds the precompiled header, and each shape has the time to be compiled."""
    monkeypatch.setattr(cases, "CHECKED", cases.CHECKED[:1])
    source = ours("torch_in_place")["source"] + "\n\ncustom_kernel = torch.compile(custom_kernel, dynamic=False)\n"
    assert suite.geometric_mean(suite.run({"language": "torch", "source": source}, runner)) > 0
