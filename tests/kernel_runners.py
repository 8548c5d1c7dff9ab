"""A kernel runner of the real sandbox, closed at the end; without a sandbox the tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.grading.kernel_runner import SandboxedKernelRunner
from engine.sandbox import probe


def opened(kind: type[SandboxedKernelRunner] = SandboxedKernelRunner) -> Iterator[SandboxedKernelRunner]:
    """For a fixture to yield from."""
    isolation = probe()
    if isolation.mode == "none":
        pytest.skip(f"no sandbox here: {isolation.measures}")
    made = kind(isolation)
    yield made
    made.close()
