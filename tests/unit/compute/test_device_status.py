"""What a person reads about the devices: ceilings with their date, or one sentence why not."""

from __future__ import annotations

import pytest

from domains.contract import Device
from engine.compute import device_status
from engine.compute.ceilings_cache import Ceilings
from engine.compute.device_status import Torch

NOON = 1_800_000_000.0
CPU = Ceilings(Device("cpu", "a processor", 158.0, 10.4, 2, peaks={"fp32": 158.0, "bf16": 300.0}), 3, NOON)
GPU = Ceilings(
    Device("cuda", "NVIDIA H100", 52e3, 2900.0, 16, 85.0, "535.161.08", {"fp32": 52e3, "tf32": 378e3, "bf16": 734e3}),
    1,
    NOON,
)
WITH_CUDA = Torch(True, "13.0")


def test_a_processor_says_what_it_reaches_and_when_that_was_measured() -> None:
    how = device_status.processor(CPU).how
    assert "fp32 158 GF/s, bf16 300 GF/s, 10.4 GB/s; measured 3 times, last on 2027-01-1" in how


def test_without_ceilings_it_says_how_to_measure() -> None:
    assert "sia doctor --measure" in device_status.processor(None).how
    assert "sia doctor --measure" in device_status.gpu(None, ["NVIDIA H100"], True, WITH_CUDA).how


def test_a_gpu_has_name_memory_driver_and_ceilings() -> None:
    found = device_status.gpu(GPU, ["NVIDIA H100"], True, WITH_CUDA)
    wanted = "NVIDIA H100, 85 GB, driver 535.161.08, fp32 52 TF/s, tf32 378 TF/s, bf16 734 TF/s, 2900 GB/s; measured"
    assert found.how.startswith(wanted)
    assert not found.remedy
    assert "on the GPU" in device_status.processor(GPU).how


@pytest.mark.parametrize(
    ("ceilings", "names", "nodes", "torch", "says", "remedied"),
    [
        (None, [], False, Torch(False), "no NVIDIA driver", False),
        (CPU, ["NVIDIA H100"], False, WITH_CUDA, "cannot be reached", True),
        (CPU, ["NVIDIA H100"], True, Torch(False), "torch is not installed", True),
        (CPU, ["NVIDIA H100"], True, Torch(True), "without CUDA", True),
        (CPU, ["NVIDIA H100"], True, WITH_CUDA, "did not find it", True),
    ],
)
def test_a_gpu_that_is_not_used_has_one_sentence_why(
    ceilings: Ceilings | None, names: list[str], nodes: bool, torch: Torch, says: str, remedied: bool
) -> None:
    found = device_status.gpu(ceilings, names, nodes, torch)
    assert says in found.how
    assert bool(found.remedy) == remedied
