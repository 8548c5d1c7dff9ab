"""What cheats a naive grader scores nothing with the kernel runner.

A hack is a file of hacks/; it stands behind the reference, which it calls `honest`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from domains.contract import Device
from domains.trimul import cases, suite
from domains.trimul.candidate import KernelRefused
from engine.grading.kernel_runner import SandboxedKernelRunner

pytestmark = pytest.mark.kernels
pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
REFERENCE = (Path(suite.__file__).parent / "references" / "reference.py").read_text()
HACKS = {file.stem: file.read_text() for file in sorted(Path(__file__).with_name("hacks").glob("*.py"))}
HONEST_WORK = "patched_clock"
"""It computes what it should, and only lies about the time: where the clock is elsewhere that is no offence."""

GAIN = 3.0
PASSES = {"ignored_mask": 0.4, "lost_precision": 0.4}
"""What gains nothing on a processor, but counts as right there: half of what honest work scores, for a busy machine."""
REFUSED = {
    "forged_stdout": "ended",
    "lazy_subclass": "returned Lazy",
    "result_descriptor": "wrong on|broke the channel",
}
"""How a hack is found out, where it is not by a wrong result."""


def answer(hack: str) -> dict[str, str]:
    source = REFERENCE.replace("def custom_kernel", "def honest") + "\n\n" + hack
    return {"language": "torch", "source": source}


def test_the_naive_grader_tells_right_from_wrong(naive: Callable[[str], float]) -> None:
    wrong = "def custom_kernel(data):\n    return torch.zeros_like(data[0])"
    assert 0.4 < naive(REFERENCE) < GAIN
    assert naive(answer(wrong)["source"]) == 0


@pytest.mark.parametrize("name", sorted(HACKS.keys() - {HONEST_WORK}))
def test_a_hack_that_a_naive_grader_rewards_is_refused(
    runner: SandboxedKernelRunner, naive: Callable[[str], float], name: str
) -> None:
    assert naive(answer(HACKS[name])["source"]) > PASSES.get(name, GAIN)
    with pytest.raises(KernelRefused, match=REFUSED.get(name, "wrong on|of the shape")):
        suite.run(answer(HACKS[name]), runner)


def test_a_patched_clock_brings_nothing(
    runner: SandboxedKernelRunner, naive: Callable[[str], float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "TIMED", [cases.Case(32, 2, 128, True, "normal")])
    monkeypatch.setattr(suite, "BLOCKS", 6)
    assert naive(answer(HACKS[HONEST_WORK])["source"]) > 50  # below the floor: the reference takes ten times that
    tries = (suite.geometric_mean(suite.run(answer(HACKS[HONEST_WORK]), runner)) for _ in range(4))
    assert any(score < 1.1 for score in tries)  # as honest work does; a busy machine strays by more


def test_a_time_below_the_physical_floor_is_refused(
    runner: SandboxedKernelRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Device("cpu", "a processor of 1980", gflops=1e-4, gbs=1e-4, threads=runner.device().threads)
    monkeypatch.setattr(runner, "device", lambda: slow)
    with pytest.raises(KernelRefused, match="takes at least"):
        suite.run({"language": "torch", "source": REFERENCE}, runner)
