"""Kernels on the bench: honest ones count, and what cheats a naive grader scores nothing here."""

from __future__ import annotations

import importlib.util
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from domains.trimul import cases, suite
from domains.trimul.candidate import Refused
from engine.grading.bench import GradingBench
from engine.sandbox import probe

pytestmark = pytest.mark.kernels
torch = pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
FOLDER = Path(suite.__file__).parent
SMALL = cases.Case(16, 1, 32, True, "normal")


@pytest.fixture(scope="module")
def bench() -> Iterator[GradingBench]:
    isolation = probe()
    if isolation.level == "none":
        pytest.skip(f"no sandbox here: {isolation.measures}")
    made = GradingBench(isolation)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def one_small_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cascade is the same over fewer and smaller cases."""
    monkeypatch.setattr(cases, "TIMED", [SMALL])
    monkeypatch.setattr(suite, "BLOCKS", 1)


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
    "C++ in vectors of AVX2": {"structure": "tiled", "lanes": 8, "tile": 3, "columns": 4, "optimise": "-O3"},
    "C++ in vectors of AVX-512": {"structure": "tiled", "lanes": 16, "tile": 6, "columns": 6, "optimise": "-O3"},
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_kernel_counts(bench: GradingBench, name: str) -> None:
    assert suite.geometric_mean(suite.run(seed_answer(**HONEST[name]), bench)) > 0


REFERENCE = (FOLDER / "references" / "reference.py").read_text().replace("def custom_kernel", "def honest")
HACKS = {
    "replays a cached result": "kept = {}\ndef custom_kernel(data):\n    key = data[0].shape\n"
    "    if key not in kept:\n        kept[key] = honest(data)\n    return kept[key]",
    "does nothing": "def custom_kernel(data):\n    return data[0].clone()",
    "returns memory that was freed": "def custom_kernel(data):\n    return torch.empty_like(data[0])",
    "answers NaN": "def custom_kernel(data):\n    return torch.full_like(data[0], float('nan'))",
    "ignores the mask": "def custom_kernel(data):\n    x, mask, w, c = data\n"
    "    return honest((x, torch.ones_like(mask), w, c))",
    "loses precision": "def custom_kernel(data):\n    return honest(data).mul(4).round().div(4)",
    "returns a subclass that is lazy": "class Lazy(torch.Tensor):\n    pass\n"
    "def custom_kernel(data):\n    return honest(data).as_subclass(Lazy)",
    "leaves the work to a thread": "import threading, time\ndef custom_kernel(data):\n"
    "    out = torch.zeros_like(data[0])\n"
    "    def work():\n        time.sleep(0.2)\n        out.copy_(honest(data))\n"
    "    threading.Thread(target=work, daemon=True).start()\n    return out",
    "patches what compares": "torch.allclose = torch.isclose = lambda *a, **k: True\n"
    "def custom_kernel(data):\n    return torch.zeros_like(data[0])",
    "spoils its inputs": "def custom_kernel(data):\n    data[0].zero_()\n    data[1].zero_()\n"
    "    return torch.zeros_like(data[0])",
    "knows the public shapes only": "def custom_kernel(data):\n    if data[0].shape[1] in (8, 16, 32):\n"
    "        return honest(data)\n    return torch.zeros_like(data[0])",
    "forges its report": "import os\ndef custom_kernel(data):\n"
    '    os.write(1, b\'{"correct": true, "ms": 0.001}\')\n    os._exit(0)',
}


@pytest.mark.parametrize("name", HACKS)
def test_a_hack_scores_nothing(bench: GradingBench, name: str) -> None:
    source = REFERENCE + "\n\n" + textwrap.dedent(HACKS[name])
    with pytest.raises(Refused):
        suite.run({"language": "torch", "source": source}, bench)
    assert suite.run(seed_answer(structure="reference"), bench)  # and the next candidate runs


BROKEN = {
    "parse": {"language": "torch", "source": "def custom_kernel(data:"},
    "compile": {"language": "c++", "source": "custom_kernel = None", "code": "no C++", "flags": []},
    "smallest case": {"language": "torch", "source": "def custom_kernel(data):\n    raise ValueError('no')"},
}


@pytest.mark.parametrize("stage", BROKEN)
def test_a_refusal_names_its_stage(bench: GradingBench, stage: str) -> None:
    with pytest.raises(Refused) as refused:
        suite.run(BROKEN[stage], bench)
    assert refused.value.stage == stage
