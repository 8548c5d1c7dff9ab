"""The cascade for a candidate: parse, compile, smallest case, all cases, timing.

The reference runs in a separate sandbox on the same inputs; its output is the expected one. Every call gets new inputs
and an output filled with NaN, and is compared element by element afterwards.
"""

from __future__ import annotations

import contextlib
import math
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from domains import atomic, cache
from domains.contract import Device, Guest, GuestFailed, KernelRunner, Limits, Live
from domains.trimul import cases, physics
from domains.trimul.candidate import COMPILED, NEEDS_GPU, Candidate, KernelRefused, parse
from domains.trimul.cases import Case, pad

TOLERANCE = 2e-2
CALL_S = 30.0
FIRST_CALL_S = 120.0
"""The first call of each shape may compile; it is not timed."""
BLOCKS = 3
LONGER = 0.1
"""Cases below this many seconds for both arms together get twice the blocks."""
LIBRARY_BYTES = 32 << 20
RUN = Limits(cpu_s=240, wall_s=280, prepare_cpu_s=60, prepare_wall_s=120, memory_mb=3072, disk_mb=512, processes=64)
"""The disk is for torch.compile, whose precompiled header alone takes more than 64 MB."""
BUILD = Limits(cpu_s=120, wall_s=150, prepare_cpu_s=60, prepare_wall_s=120, memory_mb=3072, disk_mb=128, processes=64)
_HERE = Path(__file__).parent


class Timed(msgspec.Struct, frozen=True):
    """One case: seconds of both arms, their ratio with its standard error in logarithms, the share of the roofline.

    `disturbed` says what others did meanwhile.
    """

    case: Case
    reference_s: float
    candidate_s: float
    ratio: float
    spread: float
    roofline: float
    disturbed: str = ""


def run(answer: Any, runner: KernelRunner) -> list[Timed]:
    """All timed cases of a candidate that is right; raises `KernelRefused`."""
    candidate, device = parse(answer), runner.device()
    if device.kind != "cpu":
        raise KernelRefused("timing", "this suite times processors only, and torch finds a GPU here")
    if candidate.language in NEEDS_GPU:
        raise KernelRefused("timing", f"a time of {candidate.language} needs a GPU, and torch finds none here")
    given: dict[str, Any] = {"language": candidate.language, "source": candidate.source}
    if candidate.language in COMPILED:
        given["library"] = compile_candidate(candidate, device, runner)
    draw = np.random.default_rng(secrets.randbits(128))
    with open_pair(given, device, runner, draw) as pair:
        pair.check([*cases.CHECKED, *cases.hidden(draw)])
        return [_time(pair, case, device, runner) for case in cases.TIMED]


@contextlib.contextmanager
def open_pair(
    given: Mapping[str, Any], device: Device, runner: KernelRunner, draw: np.random.Generator
) -> Iterator[Pair]:
    """The reference and a candidate, each in its sandbox; a candidate that fails there is `KernelRefused`."""
    largest = max(sum(map(pad, case.sizes())) for case in [*cases.TIMED, Case(45, 2, 192, True, "normal")])
    reference = {"language": "torch", "source": (_HERE / "references" / "reference.py").read_text()}
    house = guest(reference, device.threads, room="house", memory=largest)
    stage = "smallest case"
    try:
        with runner.open(house) as home, runner.open(guest(given, device.threads, memory=largest)) as live:
            pair = Pair(home, live, draw)
            try:
                yield pair
            finally:
                stage = pair.stage
    except GuestFailed as failed:
        raise refusal(stage, failed) from None


def refusal(stage: str, failed: GuestFailed) -> KernelRefused:
    """A guest's failure as the verdict on the candidate; what the machine did is raised as it is."""
    if failed.kind == "infrastructure":
        raise failed
    return KernelRefused(stage, str(failed), failed.kind)


class Pair:
    """Reference and candidate on the same inputs, each in memory that the other does not see."""

    def __init__(self, home: Live, guest: Live, draw: np.random.Generator) -> None:
        self._home, self._guest, self._draw = home, guest, draw
        self._case = cases.CHECKED[0]
        self._done: set[str] = set()
        self.stage = "smallest case"
        self._called: set[tuple[int, ...]] = set()

    def check(self, checked: Sequence[Case]) -> None:
        """One call for each case, the smallest first; raises `KernelRefused` at the first that is wrong."""
        stage = "smallest case"
        for case in checked:
            self.run_once(case, stage)
            stage = "all cases"

    def run_once(self, case: Case, stage: str) -> None:
        """One call of both, compared."""
        self.prepare(case, stage)
        self.reference()
        self.candidate()

    def prepare(self, case: Case, stage: str) -> None:
        """Draws new inputs from a secret seed."""
        self._case, self.stage, self._done = case, stage, set()
        parts = cases.inputs(case, self._draw)
        for live in (self._home, self._guest):
            at = 0
            for part in parts:
                live.memory[at : at + part.nbytes] = part.tobytes()
                at += pad(part.size)
            self._output(live)[:] = np.nan

    def reference(self) -> float:
        """Seconds of the reference, whose output is the expected one."""
        wall_s = self._home.ask(self._case.shape(), CALL_S).wall_s
        self._check("reference")
        return wall_s

    def candidate(self) -> float:
        """Seconds of the candidate."""
        shape = tuple(self._case.shape())
        reply = self._guest.ask(self._case.shape(), CALL_S if shape in self._called else FIRST_CALL_S)
        self._called.add(shape)
        if reply.value != "":
            raise KernelRefused(self.stage, str(reply.value)[:300])
        self._check("candidate")
        return reply.wall_s

    def _check(self, which: str) -> None:
        """Compares the outputs once both have been called; both guests are stopped then."""
        self._done.add(which)
        if len(self._done) < 2:
            return
        want, got = self._output(self._home), self._output(self._guest)
        with np.errstate(invalid="ignore", over="ignore"):  # a guest may leave anything there
            wrong = ~(np.abs(got - want) <= TOLERANCE + TOLERANCE * np.abs(want))
        if wrong.any():
            share = wrong.mean()
            raise KernelRefused(self.stage, f"wrong on {share:.2%} of the elements of {self._case.name()}")

    def _output(self, live: Live) -> np.ndarray:
        sizes = self._case.sizes()
        at = sum(map(pad, sizes[:-1]))
        return np.frombuffer(live.memory, dtype=np.float32, count=sizes[-1], offset=at)


def _time(pair: Pair, case: Case, device: Device, runner: KernelRunner) -> Timed:
    for _ in range(2):
        pair.run_once(case, "timing")  # warm
    pair.prepare(case, "timing")
    both = pair.reference() + pair.candidate()
    blocks = BLOCKS * 2 if both < LONGER else BLOCKS
    found = runner.compare(lambda: pair.prepare(case, "timing"), pair.reference, pair.candidate, blocks)
    least = max(case.flops() / device.gflops, case.bytes_moved() / device.gbs) / 1e9
    physics.keep(case, device, found.a_s)
    if why := physics.impossible(case, device, found.b_s, found.ratio, found.disturbed):
        raise KernelRefused("timing", why)
    return Timed(case, found.a_s, found.b_s, found.ratio, found.spread, least / found.b_s, found.disturbed)


def geometric_mean(timed: list[Timed]) -> float:
    """The score."""
    return math.exp(math.fsum(math.log(one.ratio) for one in timed) / len(timed))


def guest(given: Mapping[str, Any], threads: int, *, room: str = "guest", memory: int, limits: Limits = RUN) -> Guest:
    """`guest.py` with what it is to run."""
    files = {"guest.py": (_HERE / "guest.py").read_bytes(), "threads.txt": str(threads).encode()}
    return Guest(files, "guest.py", dict(given), room, limits, memory)


def compile_candidate(
    candidate: Candidate, device: Device, runner: KernelRunner, make: Callable[..., Guest] = guest
) -> bytes:
    """The library of a candidate, compiled by a guest that `make` makes, or from the cache; raises `KernelRefused`."""
    file = _cache() / f"{candidate.key(device.name)}.so"
    if file.exists():
        return file.read_bytes()
    given = {
        "language": "build",
        "code": candidate.code,
        "flags": candidate.flags,
        "cuda": candidate.language == "cuda",
    }
    builder = make(given, device.threads, room="build", memory=LIBRARY_BYTES, limits=BUILD)
    try:
        with runner.open(builder) as live:
            size = live.ask("build", BUILD.wall_s).value
            if isinstance(size, str):
                raise KernelRefused("compile", size[:300], "timeout" if "CPU time limit" in size else "candidate")
            if not isinstance(size, int) or not 0 < size <= LIBRARY_BYTES:
                raise KernelRefused("compile", "the compiler produced no library")
            library = bytes(live.memory[:size])
    except GuestFailed as failed:
        raise refusal("compile", failed) from None
    with contextlib.suppress(OSError):  # it can be compiled again
        atomic.write(file, library)
    return library


def _cache() -> Path:
    return cache.folder("compute", "kernels")
