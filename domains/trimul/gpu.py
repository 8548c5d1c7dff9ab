"""The cascade on a GPU: parse, compile, smallest case, all cases, timing; the score of the paper.

As on a processor (`suite`), reference and candidate run in separate sandboxes, on the same GPU, and outputs are
compared element by element here. The clock differs: see `gpu_clock` and decision 0032.
"""

from __future__ import annotations

import math
import os
import re
import secrets
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from domains.contract import Device, Guest, GuestFailed, KernelRunner, Limits, Live
from domains.trimul import gpu_cases, gpu_clock, suite
from domains.trimul.candidate import COMPILED, Candidate, KernelRefused, parse
from domains.trimul.cases import Case
from domains.trimul.physics import UNSURE
from domains.trimul.suite import TOLERANCE, Timed

SCALE = 1500.0
ORDERS = 3
EMPTY = 5
PUT_S = 120.0
CALL_S = 60.0
FIRST_CALL_S = 300.0
"""The first call of each shape may compile and tune; it is not timed."""
SAMPLED = 4096
"""Elements that are read when the clock stops, to detect work that is done later."""
CHUNK = 1 << 24
RUN = Limits(cpu_s=900, wall_s=1200, prepare_cpu_s=90, prepare_wall_s=240, memory_mb=24576, disk_mb=1024, processes=512)
_HERE = Path(__file__).parent
_PRECISIONS = {"bf16": r"bfloat16|bf16", "fp16": r"float16|fp16|\bhalf|__half", "tf32": r"tf32|matmul_precision"}


def run(answer: Any, runner: KernelRunner) -> list[Timed]:
    """All timed cases of a candidate that is right; raises `KernelRefused`."""
    candidate, device = parse(answer), runner.device()
    given: dict[str, Any] = {"language": candidate.language, "source": candidate.source, "device": device.kind}
    given["visible"] = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if candidate.language in COMPILED:
        given["library"] = suite.compile_candidate(candidate, device, runner, guest)
    draw = np.random.default_rng(secrets.randbits(128))
    checked = [*gpu_cases.CHECKED, *gpu_cases.hidden(draw)]
    memory = max(
        *(gpu_cases.layout(case, 1).end for case in checked),
        *(gpu_cases.layout(case, gpu_cases.calls(case)).end for case in gpu_cases.TIMED),
    )
    source = (_HERE / "references" / "reference.py").read_text()
    reference = {"language": "torch", "source": source, "device": device.kind, "visible": given["visible"]}
    disturbed, stage = runner.others_on_gpu(wait=True), "smallest case"
    try:
        with runner.open(guest(reference, device.threads, room="house", memory=memory)) as home:
            known = _time_reference(home)
            with runner.open(guest(given, device.threads, memory=memory)) as live:
                pair = Pair(home, live)
                for case in checked:
                    pair.put(case, 1)
                    pair.call(stage)
                    pair.check(stage)
                    stage = "all cases"
                stage = "timing"
                kind = precision(candidate)
                timed = [
                    _time_case(pair, case, times, device, kind)
                    for case, times in zip(gpu_cases.TIMED, known, strict=True)
                ]
    except GuestFailed as failed:
        if failed.kind == "infrastructure":
            raise
        raise KernelRefused(stage, str(failed), failed.kind) from None
    # before and after the candidate: no work of its own can pass for others'
    disturbed = disturbed or runner.others_on_gpu(wait=False)
    return [msgspec.structs.replace(one, disturbed=disturbed) for one in timed]


def score(timed: Sequence[Timed]) -> float:
    """1500 divided by the geometric mean of the cases' times in microseconds."""
    return SCALE / math.exp(math.fsum(math.log(one.candidate_s * 1e6) for one in timed) / len(timed))


class ReferenceTimes(msgspec.Struct, frozen=True):
    """Times without the candidate: seconds of a call of the reference, and of whole orders without a kernel."""

    reference_s: float
    empty_s: list[float]


class CallTimes(msgspec.Struct, frozen=True):
    """The times of an order: seconds of each call as the guest claims, and of the whole measured outside."""

    claimed_s: list[float]
    wall_s: float


class Pair:
    """Reference and candidate on the same inputs, each in memory that the other does not see."""

    def __init__(self, home: Live, guest: Live) -> None:
        self._home, self._guest = home, guest
        self._case, self._count = gpu_cases.CHECKED[0], 1
        self._seen: tuple[np.ndarray, np.ndarray]
        self._called: set[tuple[int, ...]] = set()

    def put(self, case: Case, count: int) -> None:
        """Fresh inputs under a seed that nobody knows; input and mask go to the candidate's device, weights do not."""
        self._case, self._count = case, count
        _draw(self._home, case, count)
        at = gpu_cases.layout(case, count)
        self._guest.memory[: at.weights] = self._home.memory[: at.weights]
        self._guest.ask(["put", case.shape(), count], PUT_S)

    def call(self, stage: str) -> CallTimes:
        """The timed order, on poisoned outputs. Weights come last: a GPU goes on while its process stands still."""
        outputs = self._outputs(self._guest)
        outputs[:] = np.nan
        where = np.random.default_rng(secrets.randbits(128)).integers(0, len(outputs), SAMPLED)
        shape, at = tuple(self._case.shape()), gpu_cases.layout(self._case, self._count)
        self._guest.memory[at.weights : at.outputs] = self._home.memory[at.weights : at.outputs]
        reply = self._guest.ask(["call", False], CALL_S if shape in self._called else FIRST_CALL_S)
        self._seen = where, outputs[where]
        self._called.add(shape)
        if isinstance(reply.value, str):
            raise KernelRefused(stage, reply.value[:300])
        return CallTimes(self._claim(reply.value, stage), reply.wall_s)

    def check(self, stage: str) -> None:
        """Compares what lay there when the clock stopped, and then all of it, with what the reference returns."""
        self._home.ask(["expect"], PUT_S)
        want, got = self._outputs(self._home), self._outputs(self._guest)
        where, seen = self._seen
        if _wrong(seen, got[where]) and not _wrong(got[where], want[where]):
            raise KernelRefused(stage, f"work on {self._case.name()} went on after it had answered")
        wrong = sum(_wrong(got[at : at + CHUNK], want[at : at + CHUNK]) for at in range(0, len(want), CHUNK))
        if wrong or _wrong(seen, want[where]):
            raise KernelRefused(stage, f"wrong on {wrong / len(want):.2%} of the elements of {self._case.name()}")

    def _claim(self, value: Any, stage: str) -> list[float]:
        try:
            claimed = msgspec.convert(value, list[float])
        except msgspec.ValidationError:
            claimed = []
        if len(claimed) != self._count or not all(math.isfinite(one) and one > 0 for one in claimed):
            raise KernelRefused(stage, "the guest's report of its times is not valid")
        return claimed

    def _outputs(self, live: Live) -> np.ndarray:
        at = gpu_cases.layout(self._case, self._count)
        size = self._count * self._case.sizes()[-1]
        return np.frombuffer(live.memory, dtype=np.float32, count=size, offset=at.outputs)


def _wrong(got: np.ndarray, want: np.ndarray) -> int:
    return int((~(np.abs(got - want) <= TOLERANCE + TOLERANCE * np.abs(want))).sum())


def _draw(home: Live, case: Case, count: int) -> None:
    order = ["draw", case.shape(), count, case.masked, case.distribution, secrets.randbits(62)]
    home.ask(order, PUT_S)


def _time_reference(home: Live) -> list[ReferenceTimes]:
    """Times the reference on each timed case before the candidate starts: a failure here is not the candidate's."""
    found = []
    try:
        for case in gpu_cases.TIMED:
            _draw(home, case, gpu_cases.calls(case))
            for empty in (False, True):  # warm
                home.ask(["call", empty], FIRST_CALL_S)
            empty_s = [home.ask(["call", True], CALL_S).wall_s for _ in range(EMPTY)]
            found.append(ReferenceTimes(statistics.mean(home.ask(["call", False], CALL_S).value), empty_s))
    except GuestFailed as failed:
        raise GuestFailed("infrastructure", f"the reference cannot be timed: {failed}") from None
    return found


def _time_case(pair: Pair, case: Case, times: ReferenceTimes, device: Device, kind: str) -> Timed:
    """`ORDERS` orders of several calls each, on inputs of their own; the first, which warms, does not count."""
    orders: list[CallTimes] = []
    for number in range(ORDERS + 1):
        pair.put(case, gpu_cases.calls(case))
        done = pair.call("timing")
        pair.check("timing")
        orders += [done] if number else []
    calls = [one for order in orders for one in order.claimed_s]
    if fault := gpu_clock.disagreement(sum(calls), [order.wall_s for order in orders], times.empty_s):
        raise KernelRefused("timing", f"{fault}, on {case.name()}")
    mean_s = statistics.mean(calls)
    if mean_s * UNSURE < roofline(case, device, device.fastest()):
        raise KernelRefused("timing", f"{mean_s * 1e3:.3g} ms is below what {case.name()} takes at least")
    least = roofline(case, device, device.peaks.get(kind, device.gflops))
    error = statistics.stdev(calls) / mean_s / math.sqrt(len(calls))
    return Timed(case, times.reference_s, mean_s, times.reference_s / mean_s, error, least / mean_s)


def roofline(case: Case, device: Device, gflops: float) -> float:
    """The least seconds for a case at `gflops`, with every byte moved once."""
    return max(case.flops() / gflops, case.bytes_moved() / device.gbs) / 1e9


def precision(candidate: Candidate) -> str:
    """The fastest dtype that a candidate names, for the reported roofline only; nothing is refused for it."""
    text = candidate.source + candidate.code
    return next((kind for kind, words in _PRECISIONS.items() if re.search(words, text)), "fp32")


def guest(given: dict[str, Any], threads: int, *, room: str = "guest", memory: int, limits: Limits = RUN) -> Guest:
    """`gpu_guest.py` with what it is to run, or to compile: for that, too, it must see the GPU."""
    files = {name: (_HERE / name).read_bytes() for name in ("guest.py", "gpu_guest.py")}
    files["threads.txt"] = str(threads).encode()
    return Guest(files, "gpu_guest.py", given, room, limits, memory, gpu=True)
