"""The domain: an instance is a suite of all cases, run in a new process with its own seeds and shapes."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from domains.contract import DataMissing, Domain, Grade, Graded, Instance, KernelRunner, Split, Summary
from domains.trimul import cases, gates, gpu, gpu_cases, machine, suite
from domains.trimul.candidate import KernelRefused

SUITES: Mapping[Split, int] = {"train": 4, "val": 10, "test": 10}
"""With 10 the gate can accept in runs of up to 50 generations: what is faster in all ten has p = 1/1024."""
RULES = 2
"""Incremented when the meaning of a grade changes."""
_HERE = Path(__file__).parent


class TriMul:
    """A harness sees equal suites: seeds and hidden shapes are drawn when a suite is graded."""

    def digest(self) -> str:
        """SHA-256 over the cases, the rules and the machine: a run resumes only where scores mean the same."""
        shapes = (cases.CHECKED, cases.TIMED, gpu_cases.CHECKED, gpu_cases.TIMED)
        known = (RULES, dict(SUITES), shapes, suite.TOLERANCE, suite.BLOCKS, gpu.ORDERS, machine.name())
        return hashlib.sha256(repr(known).encode()).hexdigest()

    def title(self) -> str:
        """The task and its device."""
        return f"Make the triangle multiplicative update fast on {machine.name()}"

    def instances(self, split: Split) -> Sequence[Instance]:
        """The instances: timed cases are public, further checked cases partly hidden."""
        data = {
            "reference": (_HERE / "references" / "reference.py").read_text(),
            "timed": [case.name() for case in (gpu_cases.TIMED if machine.gpu() else cases.TIMED)],
            "tolerance": suite.TOLERANCE,
        }
        return [Instance(f"{split}-{number}", data) for number in range(SUITES[split])]

    def grade(self, instance: Instance, answer: Any, runner: KernelRunner | None = None) -> Grade:
        """The geometric mean of the ratios, on a GPU the paper's score; 0, with its reason, for what is refused."""
        if runner is None:
            raise ValueError("kernels are graded with a kernel runner")
        on_gpu = runner.device().kind == "cuda"
        try:
            if not on_gpu and (gate := gates.run(answer, runner)) is not None:
                return Grade(0.0, detail=gate.sentence, measures=gate.measures)
            timed = (gpu if on_gpu else suite).run(answer, runner)
        except KernelRefused as refusal:
            return Grade(0.0, refused=f"refused at the stage {refusal.stage!r}", detail=str(refusal))
        measures: dict[str, float] = {}
        for one in timed:
            name = one.case.name()
            measures[f"{name} ms"] = one.candidate_s * 1e3
            measures[f"{name} ratio"] = one.ratio
            measures[f"{name} spread"] = one.spread
            measures[f"{name} share of the roofline"] = one.roofline
        score = gpu.score(timed) if on_gpu else suite.geometric_mean(timed)
        return Grade(score, measures=measures, disturbed=next((one.disturbed for one in timed if one.disturbed), ""))

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """No report beside the measures."""
        return Summary()

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Sequence[Any]]:
        """The reference itself, and one rewrite in torch."""
        sources = {"torch reference": "reference.py", "one fused torch rewrite": "fused.py"}
        return {
            name: [{"language": "torch", "source": (_HERE / "references" / file).read_text()}] * len(on)
            for name, file in sources.items()
        }


def load(data: Path | None) -> Domain:
    """The domain, which needs no data but torch."""
    if importlib.util.find_spec("torch") is None:
        raise DataMissing("trimul needs torch, which is not installed: pip install 'sia-tui[kernels]'")
    return TriMul()
