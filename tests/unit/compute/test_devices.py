"""What the system says about its devices, read from the files of NVIDIA's driver."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.compute import devices

VERSIONS = {
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.161.08  Sat Feb 17\nGCC version:  11.4.0\n": "535.161.08",
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  550.54.15  Release Build\n": "550.54.15",
    "something else": "",
}


@pytest.mark.parametrize("text", VERSIONS, ids=["closed", "open", "none"])
def test_the_driver_has_a_version(tmp_path: Path, text: str) -> None:
    (tmp_path / "version").write_text(text)
    assert devices.driver_version(tmp_path) == VERSIONS[text]


def test_gpus_are_listed_by_name(tmp_path: Path) -> None:
    for bus, name in (("0000:01:00.0", "NVIDIA H100 80GB HBM3"), ("0000:02:00.0", "NVIDIA H200")):
        (tmp_path / "gpus" / bus).mkdir(parents=True)
        (tmp_path / "gpus" / bus / "information").write_text(f"Model: \t\t {name}\nIRQ:   \t\t 64\nGPU UUID: x\n")
    assert devices.gpus(tmp_path) == ["NVIDIA H100 80GB HBM3", "NVIDIA H200"]


def test_without_a_driver_there_is_nothing(tmp_path: Path) -> None:
    assert (devices.gpus(tmp_path, tmp_path), devices.driver_version(tmp_path), devices.nodes(tmp_path)) == ([], "", [])


def test_the_processor_is_named() -> None:
    assert devices.processor()
    assert 1 <= devices.threads() <= devices.MOST_THREADS


def test_a_gpu_whose_driver_lists_nothing_is_still_one(tmp_path: Path) -> None:
    (tmp_path / "nvidia0").touch()
    assert devices.gpus(tmp_path, tmp_path) == ["an NVIDIA GPU"]
