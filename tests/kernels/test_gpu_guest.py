"""The guest of the GPU suite in a real sandbox: served by the processor here, by the GPU where there is one."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domains.contract import Device
from domains.trimul import gpu, gpu_cases, gpu_clock, suite
from domains.trimul.candidate import KernelRefused
from domains.trimul.cases import Case
from engine.grading.kernel_runner import SandboxedKernelRunner
from tests import kernel_runners

pytestmark = pytest.mark.kernels
torch = pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
REFERENCES = Path(suite.__file__).parent / "references"
FUSED = {"language": "torch", "source": (REFERENCES / "fused.py").read_text()}
HONEST = (REFERENCES / "reference.py").read_text().replace("def custom_kernel", "def honest")


class Plain(SandboxedKernelRunner):
    """The kernel runner of a device whose ceilings nobody reaches, so that nothing is refused for its speed."""

    def device(self) -> Device:
        kind = "cuda" if torch.cuda.is_available() else "cpu"
        return Device(kind, "a device", 1e9, 1e9, 2)


@pytest.fixture(scope="module")
def runner() -> Iterator[SandboxedKernelRunner]:
    yield from kernel_runners.opened(Plain)


@pytest.fixture(autouse=True)
def small_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cascade is the same over fewer and smaller cases; the clock is lenient, since this machine is shared."""
    monkeypatch.setattr(gpu_cases, "CHECKED", [Case(8, 2, 32, False, "normal")])
    monkeypatch.setattr(gpu_cases, "TIMED", [Case(24, 1, 32, True, "cauchy")])
    monkeypatch.setattr(gpu_cases, "hidden", lambda _draw: [Case(21, 1, 48, True, "normal")])
    monkeypatch.setattr(gpu_cases, "MOST_CALLS", 2)
    monkeypatch.setattr(gpu_clock, "JITTER_S", 1.0)


def test_an_honest_kernel_counts(runner: SandboxedKernelRunner) -> None:
    timed = gpu.run(FUSED, runner)
    assert gpu.score(timed) > 0
    assert [one.case for one in timed] == gpu_cases.TIMED
    assert all(one.candidate_s > 0 and one.reference_s > 0 for one in timed)


@pytest.mark.skipif(torch.cuda.is_available(), reason="C++ has the processor's memory only")
def test_a_compiled_kernel_counts(runner: SandboxedKernelRunner) -> None:
    kernels = REFERENCES.parent / "harness" / "kernels"
    source, code = ((kernels / f"chunked.{kind}").read_text() for kind in ("py", "cpp"))
    flags = ["-O1", "-march=native", "-fopenmp", "-DCHUNK=32"]
    assert gpu.run({"language": "c++", "source": source, "code": code, "flags": flags}, runner)


def test_cuda_is_compiled_for_what_the_architecture_alone_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(REFERENCES.parent))
    gpu_guest = importlib.import_module("gpu_guest")
    assert [gpu_guest.architecture(*version) for version in ((8, 0), (9, 0))] == ["8.0", "9.0a"]


HACKS = {
    "ignores the mask": "def custom_kernel(data):\n    x, mask, w, c = data\n"
    "    return honest((x, torch.ones_like(mask), w, c))",
    "keeps a result": "kept = {}\ndef custom_kernel(data):\n    return kept.setdefault(data[0].shape, honest(data))",
    "computes before it knows the weights": "import gpu_guest\nput = gpu_guest.Served.put\n"
    "def ahead(self, shape, count):\n    put(self, shape, count)\n    global early\n"
    "    early = honest(self._data(0))\n    return ''\ngpu_guest.Served.put = ahead\n"
    "def custom_kernel(data):\n    return early",
    "returns a lazy subclass": "class Lazy(torch.Tensor):\n    pass\n"
    "def custom_kernel(data):\n    return honest(data).as_subclass(Lazy)",
    "answers before it has worked": "import gpu_guest\ncall = gpu_guest.Served.call\n"
    "def custom_kernel(data):\n    return honest(data)\n"
    "gpu_guest.Served.call = lambda self, empty: [1e-6] * self.count",
}


@pytest.mark.parametrize("name", HACKS)
def test_a_hack_scores_nothing(runner: SandboxedKernelRunner, name: str) -> None:
    with pytest.raises(KernelRefused):
        gpu.run({"language": "torch", "source": f"{HONEST}\n\n{HACKS[name]}"}, runner)


def test_patched_events_are_refused(runner: SandboxedKernelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_clock, "JITTER_S", 1e-3)
    monkeypatch.setattr(gpu_cases, "TIMED", [Case(96, 1, 64, True, "cauchy")])
    patched = "import gpu_guest\ngpu_guest.Served._between = lambda self, start, end: 1e-6\n"
    with pytest.raises(KernelRefused, match="the guest's clock disagrees"):
        gpu.run({"language": "torch", "source": patched + FUSED["source"]}, runner)


def test_floors_hold_here_too(runner: SandboxedKernelRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = msgspec.structs.replace(runner.device(), gflops=1e-3)
    monkeypatch.setattr(runner, "device", lambda: slow)
    with pytest.raises(KernelRefused, match="is below what"):
        gpu.run(FUSED, runner)


class Event:
    """CUDA's event, on a clock of a millisecond a record."""

    made = 0

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing
        self.at = 0.0

    def record(self) -> None:
        Event.made += 1
        self.at = float(Event.made)

    def elapsed_time(self, end: Event) -> float:
        return end.at - self.at


def test_on_a_gpu_events_lie_around_the_kernel_and_all_streams_are_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guest's branch for CUDA, with torch's entry points noted instead of called."""
    monkeypatch.syspath_prepend(str(REFERENCES.parent))
    gpu_guest = importlib.import_module("gpu_guest")
    done: list[str] = []
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: done.append("synchronize"))
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: done.append("empty_cache"))

    def kernel(data: Any) -> Any:
        done.append("kernel")
        return data[0].clone()

    case, count = Case(4, 1, 16, True, "cauchy", 8), 3
    at = gpu_cases.layout(case, count)
    memory = memoryview(bytearray(at.end))
    served = gpu_guest.Served(memory, "cpu", kernel)
    served.on_gpu, served.lines = True, torch.ones(4)
    served.draw(case.shape(), count, case.masked, case.distribution, 1)
    assert done == ["empty_cache", "synchronize"]
    assert served.call(False) == [1e-3] * count
    assert done[2:] == ["kernel"] * count + ["synchronize"]
    assert not served.lines.any()  # the cache was flushed
    outputs = torch.frombuffer(memory, dtype=torch.float32, offset=at.outputs).view(count, 1, 4, 4, 16)
    for number in range(count):
        assert torch.equal(outputs[number], served._data(number)[0])
    assert not torch.equal(outputs[0], outputs[1])  # each call's input is moved by a vector of its own
