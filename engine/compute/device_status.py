"""The status of this machine's devices, a sentence each: their ceilings, or why they cannot be used."""

from __future__ import annotations

import importlib.util
import re
import time
from pathlib import Path
from typing import NamedTuple

from domains.contract import Device
from engine.compute import devices
from engine.compute.ceilings_cache import Ceilings
from engine.plain import plural

HOW = "not measured yet: `sia doctor --measure`"
_CUDA = re.compile(r"^cuda\b.*=\s*['\"]([\d.]+)", re.MULTILINE)


class DeviceStatus(NamedTuple):
    """A device's state; `remedy` says how to make it usable, if anything helps."""

    how: str
    remedy: str = ""


class Torch(NamedTuple):
    """Whether torch is installed, and the CUDA version of its build."""

    there: bool
    cuda: str = ""


def torch() -> Torch:
    """What torch's files say: importing it takes seconds."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.origin:
        return Torch(False)
    try:
        found = _CUDA.search((Path(spec.origin).parent / "version.py").read_text())
    except OSError:
        return Torch(True)
    return Torch(True, found[1] if found else "")


def processor(ceilings: Ceilings | None) -> DeviceStatus:
    """The processor, with its ceilings where kernels run on it."""
    name = f"{devices.processor()}, threads: {devices.threads()}"
    if ceilings is None:
        return DeviceStatus(f"{name}, {HOW}")
    if ceilings.device.kind != "cpu":
        return DeviceStatus(f"{name}; kernels run on the GPU")
    return DeviceStatus(f"{name}, {describe(ceilings)}")


def gpu(ceilings: Ceilings | None, names: list[str], nodes: bool, torch: Torch) -> DeviceStatus:
    """The GPU that kernels run on. `names` are the driver's, `nodes` says whether /dev has the GPU's nodes."""
    if ceilings is not None and ceilings.device.kind == "cuda":
        device = ceilings.device
        return DeviceStatus(f"{device.name}, {device.memory_gb:.0f} GB, driver {device.driver}, {describe(ceilings)}")
    if not names:
        return DeviceStatus("none: no NVIDIA driver found; kernels run on the processor")
    if not nodes:
        return DeviceStatus(
            f"{names[0]} cannot be reached: /dev has no device nodes for it", "in a container: start it with --gpus all"
        )
    if not torch.there:
        return DeviceStatus(f"{names[0]} is unused: torch is not installed", "pip install 'sia-tui[kernels]'")
    if not torch.cuda:
        return DeviceStatus(f"{names[0]} is unused: torch is built without CUDA", "install a torch built with CUDA")
    if ceilings is not None:
        return DeviceStatus(
            f"{names[0]} is unused: torch with CUDA {torch.cuda} did not find it", "see `nvidia-smi` for the driver"
        )
    return DeviceStatus(f"{names[0]}, driver {devices.driver_version()}, {HOW}")


def describe(ceilings: Ceilings) -> str:
    """The ceilings, and when they were last measured."""
    times = "once" if ceilings.measurements == 1 else plural(ceilings.measurements, "time")
    day = time.strftime("%Y-%m-%d %H:%M", time.localtime(ceilings.at))
    return f"{_rates(ceilings.device)}, {ceilings.device.gbs:.4g} GB/s; measured {times}, last on {day}"


def _rates(device: Device) -> str:
    peaks = device.peaks or {"fp32": device.gflops}
    if device.kind == "cuda":
        return ", ".join(f"{kind} {value / 1e3:.3g} TF/s" for kind, value in peaks.items())
    return ", ".join(f"{kind} {value:.3g} GF/s" for kind, value in peaks.items())
