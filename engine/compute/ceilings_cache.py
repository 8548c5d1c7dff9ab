"""A device's ceilings, kept in the user's cache: the largest values of several measurements.

A ceiling only rises: a measurement on a busy machine is too low, and must not stay.
Measuring runs in a process of its own (`engine.compute.ceilings`), so that the caller never imports torch.
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
"""Measurements after which the cached ceilings are used, and measured again once a day."""
DAY_S = 86400.0


class Ceilings(msgspec.Struct, frozen=True):
    """A device with its ceilings. `at` is the time of the last measurement, in seconds since the epoch."""

    device: Device
    measurements: int
    at: float


def measure_in_process() -> Device:
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


def load_or_measure(
    measure_device: Callable[[], Device] = measure_in_process, now: Callable[[], float] = time.time
) -> Device:
    """The GPU if torch finds one, else the processor, with its ceilings.

    Measures, which takes seconds, until there are `ENOUGH` measurements, and then once a day. Raises `SiaError` if
    nothing is cached and measuring fails.
    """
    cached = load()
    if cached is not None and cached.measurements >= ENOUGH and now() - cached.at < DAY_S:
        return cached.device
    try:
        return measure(measure_device, now).device
    except SiaError:
        if cached is None:
            raise
        return cached.device


def load() -> Ceilings | None:
    """The cached ceilings; measures nothing."""
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(_file().read_bytes(), type=Ceilings)
    return None


def measure(
    measure_device: Callable[[], Device] = measure_in_process, now: Callable[[], float] = time.time
) -> Ceilings:
    """Measures, and caches the larger of each old and new ceiling. Raises `SiaError` where that fails."""
    device, cached = measure_device(), load()
    ceilings = Ceilings(device, 1, now())
    if cached is not None and (cached.device.kind, cached.device.name) == (device.kind, device.name):
        ceilings = Ceilings(merge(cached.device, device), cached.measurements + 1, ceilings.at)
    with contextlib.suppress(OSError):  # it can be measured again
        atomic.write(_file(), msgspec.json.encode(ceilings))
    return ceilings


def merge(old: Device, new: Device) -> Device:
    """`new` with the larger of each ceiling; one quiet measurement is enough."""
    peaks = {kind: max(old.peaks.get(kind, 0.0), new.peaks.get(kind, 0.0)) for kind in {**old.peaks, **new.peaks}}
    gflops, gbs, quiet = max(old.gflops, new.gflops), max(old.gbs, new.gbs), old.quiet or new.quiet
    return msgspec.structs.replace(new, peaks=peaks, gflops=gflops, gbs=gbs, quiet=quiet)


def _file() -> Path:
    """One file for each machine: its processor, threads, GPUs, driver and version of torch."""
    torch = metadata.version("torch") if importlib.util.find_spec("torch") else ""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    parts = [devices.processor(), str(devices.threads()), *devices.gpus(), visible, devices.driver_version(), torch]
    return cache.folder("compute") / f"device-{hashlib.sha256(chr(10).join(parts).encode()).hexdigest()[:24]}.json"
