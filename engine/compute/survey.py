"""The devices of this machine in a sentence each, for a person: what they reach, or why they cannot be used."""

from __future__ import annotations

import importlib.util
import re
import time
from pathlib import Path
from typing import NamedTuple

from domains.contract import Device
from engine.compute import devices
from engine.compute.record import Record

HOW = "not measured yet: `sia doctor --measure`"
_CUDA = re.compile(r"^cuda\b.*=\s*['\"]([\d.]+)", re.MULTILINE)


class Found(NamedTuple):
    """How a device stands; `remedy` where it cannot be used and something is to be done about it."""

    how: str
    remedy: str = ""


class Torch(NamedTuple):
    """Whether torch is installed, and the version of CUDA that it is built with."""

    there: bool
    cuda: str = ""


def torch() -> Torch:
    """Read from its files: importing torch takes seconds."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.origin:
        return Torch(False)
    try:
        found = _CUDA.search((Path(spec.origin).parent / "version.py").read_text())
    except OSError:
        return Torch(True)
    return Torch(True, found[1] if found else "")


def processor(record: Record | None) -> Found:
    """The processor, with its ceilings where kernels run on it."""
    name = f"{devices.processor()}, threads: {devices.threads()}"
    if record is None:
        return Found(f"{name}, {HOW}")
    if record.device.kind != "cpu":
        return Found(f"{name}; kernels run on the GPU")
    return Found(f"{name}, {ceilings(record)}")


def gpu(record: Record | None, names: list[str], nodes: bool, torch: Torch) -> Found:
    """The GPU that kernels run on. `names` are those that the driver lists, `nodes` whether /dev has them."""
    if record is not None and record.device.kind == "cuda":
        device = record.device
        return Found(f"{device.name}, {device.memory_gb:.0f} GB, driver {device.driver}, {ceilings(record)}")
    if not names:
        return Found("none: no NVIDIA driver is at work here; kernels run on the processor")
    if not nodes:
        return Found(
            f"{names[0]} cannot be reached: /dev has no nodes of it", "in a container: start it with --gpus all"
        )
    if not torch.there:
        return Found(f"{names[0]} is unused: torch is not installed", "pip install 'sia-tui[kernels]'")
    if not torch.cuda:
        return Found(f"{names[0]} is unused: this torch is built without CUDA", "install a torch that is built with it")
    if record is not None:
        return Found(f"{names[0]} is unused: torch {torch.cuda} did not find it", "see `nvidia-smi` for the driver")
    return Found(f"{names[0]}, driver {devices.driver_version()}, {HOW}")


def ceilings(record: Record) -> str:
    """What was reached at most, and when it was last measured."""
    times = "once" if record.measurements == 1 else f"{record.measurements} times"
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(record.at))
    return f"{_rates(record.device)}, {record.device.gbs:.4g} GB/s; measured {times}, last on {day}"


def _rates(device: Device) -> str:
    peaks = device.peaks or {"fp32": device.gflops}
    if device.kind == "cuda":
        return ", ".join(f"{kind} {value / 1e3:.3g} TF/s" for kind, value in peaks.items())
    return ", ".join(f"{kind} {value:.3g} GF/s" for kind, value in peaks.items())
