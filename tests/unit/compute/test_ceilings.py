"""How a GPU is measured, with a torch that is made up: each dtype by events, of several tries the best."""

from __future__ import annotations

import itertools
from types import SimpleNamespace
from typing import Any

import pytest

from engine.compute import ceilings


class Event:
    """CUDA's event: each pair lies 2 ms apart, but for the slow first of each measurement."""

    clock = itertools.count()

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self) -> None:
        pass

    def elapsed_time(self, _end: Event) -> float:
        return 50.0 if next(Event.clock) % ceilings.TRIES == 0 else 2.0


class Torch(SimpleNamespace):
    """What `ceilings` uses of torch."""

    float16, bfloat16, __version__ = "fp16", "bf16", "2.13.0"

    def __init__(self) -> None:
        self.precisions: list[str] = []
        self.multiplied: list[tuple[str, str]] = []
        facts = SimpleNamespace(name="NVIDIA H100", total_memory=85e9)
        self.cuda = SimpleNamespace(
            Event=Event, synchronize=lambda: None, get_device_properties=lambda _index: facts, is_available=lambda: True
        )
        self.version = SimpleNamespace(cuda="13.0")

    def set_float32_matmul_precision(self, precision: str) -> None:
        self.precisions.append(precision)

    def randn(self, *_shape: int, device: str) -> Any:
        assert device == "cuda"
        return SimpleNamespace(kind="fp32", to=lambda kind: SimpleNamespace(kind=kind))

    def zeros(self, _size: int, device: str) -> Any:
        assert device == "cuda"
        return SimpleNamespace(copy_=lambda _source: None)

    def mm(self, a: Any, b: Any) -> None:
        assert a.kind == b.kind
        self.multiplied.append((a.kind, self.precisions[-1]))


def test_each_dtype_has_a_ceiling_of_the_best_try() -> None:
    torch = Torch()
    device = ceilings._cuda(torch)
    rate = 2 * ceilings.GPU_SIDE**3 / 2e-3 / 1e9
    assert device.peaks == pytest.approx(dict.fromkeys(("fp32", "tf32", "bf16", "fp16"), rate))
    assert device.gbs == pytest.approx(2 * ceilings.GPU_BYTES / 2e-3 / 1e9)
    assert (device.kind, device.name, device.memory_gb) == ("cuda", "NVIDIA H100", 85.0)
    assert device.software == "torch 2.13.0, CUDA 13.0"
    assert dict.fromkeys(torch.multiplied) == dict.fromkeys(
        [("fp32", "highest"), ("fp32", "high"), ("bf16", "high"), ("fp16", "high")]
    )
