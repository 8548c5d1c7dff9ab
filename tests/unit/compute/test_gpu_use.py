"""What others use of a GPU, by what `nvidia-smi` answers: recorded answers, and one that is not installed."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from engine.compute import gpu_use

ANSWERS = {
    "an idle GPU": ("0\n", ""),
    "a desktop": ("3\n", ""),
    "a training": ("97\n", "others used 97% of the GPU"),
    "two GPUs, the first is ours": ("0\n100\n", ""),
    "MIG": ("[N/A]\n", ""),
    "no driver": ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.\n", ""),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("what", ANSWERS)
def test_others_are_what_runs_while_nothing_of_ours_does(what: str) -> None:
    said, others = ANSWERS[what]
    slept: list[float] = []
    assert gpu_use.of_others(lambda: said, slept.append) == others
    assert slept == [gpu_use.PERIOD_S]  # the driver's sample holds nothing of ours


def test_the_gpu_that_torch_would_use_is_asked_about(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\necho "$@" > "$0.asked"\necho 41\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-8f1d,GPU-77aa")
    assert gpu_use.of_others(sleep=lambda _: None) == "others used 41% of the GPU"
    assert "--id=GPU-8f1d " in (tmp_path / "nvidia-smi.asked").read_text()


def test_without_nvidia_smi_nobody_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_use.of_others(sleep=lambda _: None) == ""
