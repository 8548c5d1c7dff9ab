"""Parts of the acceptance test run in turn, one that fails hinders no other, and the report says how each ended."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from domains.contract import Device
from engine.acceptance.report import Part, PartResult, Skipped, Table, markdown, run_parts
from engine.errors import SiaError

CARD = Device("cuda", "NVIDIA H100", 52e3, 2900.0, 16, 85.0, "535.1", {"fp32": 52e3, "bf16": 734e3}, "torch 2, CUDA 13")


def ends(error: Exception | None = None) -> Part:
    async def work() -> Sequence[Table]:
        if error is not None:
            raise error
        return [Table("times", ["case", "ms"], [["(64, 1)", "1|5"]])]

    return Part(type(error).__name__, work)


def test_every_part_has_its_turn() -> None:
    said: list[str] = []
    parts = [ends(SiaError("it broke", "mend it")), ends(ValueError("odd")), ends(Skipped("no vLLM")), ends()]
    clock = itertools.count(0.0, 2.0)
    done = asyncio.run(run_parts(parts, said.append, lambda: next(clock)))
    assert [one.outcome for one in done] == ["failed", "failed", "skipped", "passed"]
    assert [one.trouble for one in done] == ["it broke; mend it", "ValueError: odd", "no vLLM", ""]
    assert all(one.seconds == 2.0 for one in done)
    assert "ValueError: failed (ValueError: odd)" in said


def test_the_report_has_device_outcomes_troubles_and_tables() -> None:
    done = [
        PartResult("kernels", "passed", 61.0, [Table("fused: score 0.4", ["case", "ms"], [["(64, 1)", "1|5"]])]),
        PartResult("training", "failed", 1.0, trouble="training ran on the processor"),
    ]
    text = markdown(CARD, done, date="2026-11-26 12:00", version="0.1.0")
    assert text.startswith("# sia 0.1.0 on NVIDIA H100, 2026-11-26 12:00\n")
    assert "Driver 535.1; torch 2, CUDA 13; 85 GB. Ceilings: fp32 52.0 TF/s, bf16 734.0 TF/s, 2900 GB/s." in text
    assert "| kernels | passed | 61.0 |" in text
    assert "**fused: score 0.4**\n\n| case | ms |\n| --- | --- |\n| (64, 1) | 1\\|5 |" in text
    assert "## training: failed\n\ntraining ran on the processor\n" in text
