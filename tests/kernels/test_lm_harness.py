"""The harness for language models: it tries what the model writes, and submits the fastest that is right."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Limits
from domains.trimul import domain
from engine.sandbox import Job, Outcome, Program, probe, run_harness
from harness_repo.harness import read_folder

pytestmark = pytest.mark.kernels
pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
FOLDER = Path(domain.__file__).parent
HARNESS = read_folder(FOLDER / "harness-lm")
FUSED = (FOLDER / "references" / "fused.py").read_text()
TILED = FOLDER / "harness" / "kernels" / "tiled"
LIMITS = Limits(cpu_s=300, wall_s=300, memory_mb=3072, disk_mb=128)


class Model:
    """Replies what it has been given, in that order."""

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.prompts: list[str] = []

    async def call(self, job_key: str | None, op: str, payload: Any, ordinal: int) -> Any:
        self.prompts.append(payload["messages"][1]["text"])
        return {"text": self.replies[len(self.prompts) - 1], "finish": "stop", "calls": [], "usage": {}}


def solved(model: Model) -> Outcome:
    if probe().level == "none":
        pytest.skip("no sandbox can be built here")
    instance = next(iter(domain.TriMul().instances("train")))
    harness = HARNESS.with_params({"attempts": len(model.replies)})
    program = Program(harness.files, "agent.py", harness.params, train=[], limits=LIMITS)

    async def run() -> list[Outcome]:
        jobs = [Job("one", "one", instance.data, 1)]
        return [one async for one in run_harness(program, jobs, workers=1, broker=model, isolation=probe())]

    return asyncio.run(run())[0]


def test_the_fastest_that_is_right_is_submitted_and_the_model_is_told_of_all() -> None:
    wrong = "def custom_kernel(data):\n    return data[0] * 2\n"
    crash = "import os\ndef custom_kernel(data):\n    os.abort()\n"
    model = Model(
        "I cannot do that.", f"```python\n{wrong}```", f"```python\n{crash}```", f"```python\n{FUSED}```", "No more."
    )
    outcome = solved(model)
    assert outcome.failure is None, outcome
    # the trials are timed: beside others' work the reference may seem the faster one
    ratios = {
        name: float(ratio) for name, ratio in re.findall(r"^(.+): right, .+ ms, ([\d.]+) times", model.prompts[4], re.M)
    }
    fastest = {name for name, ratio in ratios.items() if ratio == max(ratios.values())}
    assert "reply 4" in ratios
    if len(fastest) == 1:
        assert (outcome.answer["source"].strip() == FUSED.strip()) is (fastest == {"reply 4"}), ratios
    assert "reply 1: the reply has no block" in model.prompts[1]
    assert "reply 2: wrong on" in model.prompts[2]
    assert "reply 3: the process ended with status -6" in model.prompts[3]
    assert "reply 4: right, " in model.prompts[4]
    assert FUSED.strip() in model.prompts[4]


def test_a_kernel_in_cpp_is_compiled_tried_and_submitted() -> None:
    source, code = (TILED.with_suffix(end).read_text() for end in (".py", ".cpp"))
    outcome = solved(Model(f"First the C++:\n```cpp\n{code}```\nthen its caller:\n```python\n{source}```\n"))
    assert outcome.failure is None, outcome
    assert outcome.answer["language"] == "c++"
    assert outcome.answer["code"].strip() == code.strip()


def test_without_a_better_one_the_reference_is_submitted() -> None:
    outcome = solved(Model("Sorry."))
    assert outcome.answer["source"] == (FOLDER / "references" / "reference.py").read_text()
