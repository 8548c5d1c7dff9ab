"""A device's ceilings, measured a few times and kept in the user's cache: of each, the largest that was ever reached.

A ceiling only rises. What is measured while other programs have the machine is too low, and must not stay.
Measuring happens in a process of its own (`engine.compute.ceilings`), so that the caller never imports torch.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import msgspec

from domains import atomic, cache
from domains.contract import Device
from engine.compute import devices
from engine.errors import SiaError

MEASURE_S = 120.0
ENOUGH = 3
"""So many measurements, and one more each day, before a record is believed as it stands."""
DAY_S = 86400.0


class Record(msgspec.Struct, frozen=True):
    """`at` is when it was last measured, in seconds since the epoch."""

    device: Device
    measurements: int
    at: float


def taken() -> Device:
    """Measures now, in a process of its own. Raises `SiaError` where that fails."""
    threads = str(devices.threads())
    command = [sys.executable, "-P", "-m", "engine.compute.ceilings", threads]
    environment = {**os.environ, **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), threads)}
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=MEASURE_S, check=True)
        return msgspec.json.decode(done.stdout, type=Device)
    except (OSError, subprocess.SubprocessError, msgspec.MsgspecError) as error:
        raise SiaError(
            f"the device cannot be measured ({type(error).__name__})", "try again with `sia doctor --measure`"
        ) from None


def measured(take: Callable[[], Device] = taken, now: Callable[[], float] = time.time) -> Device:
    """The GPU where torch finds one, else the processor, with its ceilings. Takes seconds where it has to be measured:
    in the first `ENOUGH` processes that ask, and then once a day.

    Raises `SiaError` where it was never measured and cannot be.
    """
    known = recorded()
    if known is not None and known.measurements >= ENOUGH and now() - known.at < DAY_S:
        return known.device
    try:
        return measure(take, now).device
    except SiaError:
        if known is None:
            raise
        return known.device


def recorded() -> Record | None:
    """What is known without measuring."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(_file().read_bytes(), type=Record)
    return None


def measure(take: Callable[[], Device] = taken, now: Callable[[], float] = time.time) -> Record:
    """Measures, and keeps what rose. Raises `SiaError` where that fails."""
    device, known = take(), recorded()
    record = Record(device, 1, now())
    if known is not None and (known.device.kind, known.device.name) == (device.kind, device.name):
        record = Record(higher(known.device, device), known.measurements + 1, record.at)
    with contextlib.suppress(OSError):  # it can be measured again
        atomic.write(_file(), msgspec.json.encode(record))
    return record


def higher(known: Device, new: Device) -> Device:
    """`new` with the larger of each ceiling."""
    peaks = {kind: max(known.peaks.get(kind, 0.0), new.peaks.get(kind, 0.0)) for kind in {**known.peaks, **new.peaks}}
    most = {"gflops": max(known.gflops, new.gflops), "gbs": max(known.gbs, new.gbs)}
    return msgspec.structs.replace(new, peaks=peaks, **most)


def _file() -> Path:
    """One file for each machine: its processor, threads, GPUs, driver and version of torch."""
    torch = metadata.version("torch") if importlib.util.find_spec("torch") else ""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    parts = [devices.processor(), str(devices.threads()), *devices.gpus(), visible, devices.driver_version(), torch]
    return cache.folder("compute") / f"device-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:24]}.json"
