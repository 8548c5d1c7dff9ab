"""The parts of the acceptance test, and the check that this machine has a usable GPU."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from domains.contract import Device
from engine.acceptance.kernels import kernels
from engine.acceptance.report import Part, Say, Table
from engine.acceptance.weights import WeightsTrial
from engine.compute import ceilings_cache, device_status, devices
from engine.errors import SiaError
from engine.models.catalog import checkpoint_of, parse
from engine.user_settings import UserSettings

_REMEDY = "run it on a machine with an NVIDIA GPU and a torch built with CUDA"


def gpu() -> Device:
    """This machine's GPU, freshly measured; raises `SiaError`, which says why no GPU can be used."""
    names, nodes, torch = devices.gpus(), bool(devices.nodes()), device_status.torch()
    status = device_status.gpu(None, names, nodes, torch)
    if not names or status.remedy:
        raise SiaError(f"no usable GPU ({status.how})", status.remedy or _REMEDY)
    ceilings = ceilings_cache.measure()
    if ceilings.device.kind != "cuda":
        raise SiaError(f"no usable GPU ({device_status.gpu(ceilings, names, nodes, torch).how})", _REMEDY)
    return ceilings.device


def select(model: str, settings: UserSettings, rounds: int, adapters: Path, say: Say) -> list[Part]:
    """Kernels, training and serving, in this order: serving uses the adapter that training writes to `adapters`."""
    reference = parse(model)
    trial = WeightsTrial(adapters)

    async def train() -> Sequence[Table]:
        return await trial.train(await asyncio.to_thread(checkpoint_of, reference, say), rounds)

    async def serve() -> Sequence[Table]:
        return await trial.serve(settings, say)

    return [Part("kernels", kernels), Part("training", train), Part("an adapter on vLLM", serve)]
