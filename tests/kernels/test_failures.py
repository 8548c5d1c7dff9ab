"""Whatever a candidate does to its own sandbox is a typed failure of that candidate, and the next one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from domains.contract import Limits
from domains.trimul import suite
from domains.trimul.candidate import KernelRefused
from engine.grading.kernel_runner import SandboxedKernelRunner

pytestmark = pytest.mark.kernels
pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
REFERENCE = {"language": "torch", "source": (Path(suite.__file__).parent / "references" / "reference.py").read_text()}
TREE = """
template <int N, int K> struct Tree {
    static constexpr long value = Tree<N - 1, 2 * K>::value + Tree<N - 1, 2 * K + 1>::value;
};
template <int K> struct Tree<0, K> { static constexpr long value = K; };
long endless = Tree<30, 0>::value;
"""
CALLS_C = "import extension\ndef custom_kernel(data):\n    extension.library.act()\n    return data[0].clone()"


def python(body: str) -> dict[str, Any]:
    return {"language": "torch", "source": f"import ctypes, os, torch\ndef custom_kernel(data):\n    {body}"}


def cpp(code: str) -> dict[str, Any]:
    return {"language": "c++", "source": CALLS_C, "code": code, "flags": ["-O2"]}


FAILURES = {
    "a wild read": (python("return ctypes.string_at(8)"), "smallest case", "candidate", "SIGSEGV"),
    "an illegal instruction": (
        cpp('extern "C" void act() { __builtin_trap(); }'), "smallest case", "candidate", "SIGILL",
    ),
    "an end": (python("os._exit(0)"), "smallest case", "candidate", "ended"),
    "an endless loop": (python("while True: pass"), "smallest case", "timeout", "answer in time"),
    "an endless sleep": (python("import time; time.sleep(1e6)"), "smallest case", "timeout", "answer in time"),
    "ten gigabytes by torch": (python("return torch.ones(10 << 28)"), "smallest case", "resource", "memory"),
    "ten gigabytes by Python": (python("return bytearray(10 << 30)"), "smallest case", "resource", "Memory"),
    "ten gigabytes by C++": (
        cpp("#include <vector>\nextern \"C\" void act() { static std::vector<char> all(10L << 30, 'x'); }"),
        "smallest case", "candidate", "SIGABRT",
    ),
    "an endless compiler": (cpp(TREE), "compile", "timeout", "CPU time"),
    "no C++": (cpp("no C++"), "compile", "candidate", "source.cpp:1:1: error: "),
    "no such function": (cpp("extern \"C\" void other() {}"), "smallest case", "candidate", "AttributeError"),
}  # fmt: skip


@pytest.mark.parametrize("what", FAILURES)
def test_a_failure_is_typed_and_the_next_candidate_runs(
    runner: SandboxedKernelRunner, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(suite, "FIRST_CALL_S", 5.0)
    monkeypatch.setattr(suite, "BUILD", Limits(cpu_s=4, wall_s=60, memory_mb=3072, processes=64))
    answer, stage, kind, word = FAILURES[what]
    with pytest.raises(KernelRefused) as refused:
        suite.run(answer, runner)
    assert (refused.value.stage, refused.value.kind) == (stage, kind)
    assert word in str(refused.value)
    assert suite.geometric_mean(suite.run(REFERENCE, runner)) > 0
