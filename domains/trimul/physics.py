"""What no kernel can beat on this machine: the roofline of a case, and the ratio that it allows.

Others' work may slow the reference alone, so the reference's time beside a candidate says nothing of that ratio. The
least that each case ever took here does: like a ceiling, it only gets better.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path

import msgspec

from domains import atomic, cache
from domains.contract import Device
from domains.trimul.cases import Case

MARGIN = 1.25
"""What is faster than the roofline of the fastest dtype by more than this is refused: products of small matrices, which
stay in the cache, run a little faster than the large one that a ceiling is measured with."""
UNSURE = 2.0
"""The same, where no ceiling was measured while others left the machine alone: it may be half of what it should be."""


def impossible(case: Case, device: Device, candidate_s: float, ratio: float, disturbed: str) -> str:
    """Why no kernel on `device` can have such a time, or such a ratio; empty if one can.

    A ratio that was disturbed is not the candidate's fault: it is marked already.
    """
    least_s = case.least_flops() / device.fastest() / 1e9
    least_s = max(least_s, case.bytes_moved() / device.gbs / 1e9) / (MARGIN if device.quiet else UNSURE)
    if candidate_s < least_s:
        return f"{candidate_s * 1e3:.3g} ms is below what {case.name()} takes at least"
    reference_s = _known(device).get(case.name(), 0.0)
    if reference_s < ratio * least_s and reference_s and not disturbed:
        return f"a ratio of {ratio:.3g} is beyond {reference_s / least_s:.3g}, the most that {case.name()} allows here"
    return ""


def keep(case: Case, device: Device, reference_s: float) -> None:
    """Keeps the reference's time of a case where it is the least so far."""
    known = _known(device)
    if reference_s < known.get(case.name(), float("inf")):
        with contextlib.suppress(OSError):  # it is measured again with every candidate
            atomic.write(_file(device), msgspec.json.encode({**known, case.name(): reference_s}), durable=False)


def _known(device: Device) -> dict[str, float]:
    with contextlib.suppress(OSError, msgspec.MsgspecError):
        return msgspec.json.decode(_file(device).read_bytes(), type=dict[str, float])
    return {}


def _file(device: Device) -> Path:
    machine = hashlib.sha256(msgspec.json.encode([device.name, device.threads, device.software])).hexdigest()
    return cache.folder("compute") / f"trimul-reference-{machine[:24]}.json"
