"""Counts small enough for tests, real ones where they are at hand, and the seed harness run in this process."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import domains.denoising
from domains.contract import Instance
from domains.denoising.data.counts import Counts
from domains.denoising.data.simulator import simulate

HARNESS = Path(domains.denoising.__path__[0]) / "harness"
_BESIDE = Path(__file__).resolve().parents[4].parent / "shared" / "data"
DATA = Path(os.environ.get("SIA_TEST_DATA") or _BESIDE) / "scrna"
PANCREAS = DATA / "pancreas_baron_cider.npz"
ABSENT = f"the real counts are not at hand: {PANCREAS} ($SIA_TEST_DATA names another folder)"
NO_MAGIC = "magic-impute is not installed: pip install 'sia-tui[denoising]'"


def small(cells: int = 90, genes: int = 600, seed: int = 3) -> Counts:
    """Simulated counts, as sparse as real ones."""
    return simulate(cells=cells, genes=genes, seed=seed, library=250.0)


def params(**changes: Any) -> dict[str, Any]:
    """The seed's parameters with some changed."""
    return tomllib.loads((HARNESS / "params.toml").read_text()) | changes


def solve(instance: Instance, seed: int = 1, **changes: Any) -> Any:
    """What the seed harness answers under changed parameters."""
    ctx = SimpleNamespace(params=params(**changes), rng=random.Random(seed), log=lambda *_: None)
    return module("agent").solve(instance, ctx)


def module(name: str) -> Any:
    """A file of the seed harness, imported under the names that it has in the sandbox."""
    names = {path.stem for path in HARNESS.glob("*.py")}
    before = {one: sys.modules.pop(one) for one in names if one in sys.modules}
    sys.path.insert(0, str(HARNESS))
    try:
        spec = importlib.util.spec_from_file_location(f"denoising_harness_{name}", HARNESS / f"{name}.py")
        assert spec and spec.loader
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        return found
    finally:
        sys.path.remove(str(HARNESS))
        for one in names:
            sys.modules.pop(one, None)
        sys.modules.update(before)
