"""How fast a piece of work can be at most on a device (Williams, Waterman and Patterson, "Roofline", CACM 2009)."""

from __future__ import annotations

from domains.contract import Device

MARGIN = 2.0
"""A time is refused where it is below the roofline by more than this: ceilings are measured, and may be low."""


def seconds(device: Device, flops: float, moved: float) -> float:
    """The least time for `flops` operations and `moved` bytes to and from memory, whichever takes longer."""
    return max(flops / (device.gflops * 1e9), moved / (device.gbs * 1e9))


def impossible(device: Device, flops: float, moved: float, took_s: float) -> bool:
    """Whether nobody can have done that work in `took_s`."""
    return took_s * MARGIN < seconds(device, flops, moved)
