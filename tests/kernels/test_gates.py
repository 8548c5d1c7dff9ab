"""Kernels for a GPU where there is none: its interpreter checks Triton, its compiler CUDA C++; neither is timed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from domains.trimul import gates, suite
from domains.trimul.candidate import KernelRefused
from domains.trimul.domain import TriMul
from engine.grading.kernel_runner import SandboxedKernelRunner

pytestmark = pytest.mark.kernels
torch = pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
no_gpu = pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU takes the place of the gates")
HERE = Path(__file__).with_name("gated")
UPDATE = (HERE / "triton_update.py").read_text()
WRONG = {
    "the mask left out": ("made *= tl.load(mask + at, mask=inside, other=0.0)", "", "wrong on .* masked"),
    "a tile too few": ("range(0, n, BLOCK)", "range(0, BLOCK, BLOCK)", "wrong on"),
    "no such instruction": ("tl.sigmoid", "tl.sigmoidal", "sigmoidal"),
}


def cuda(code: str, *flags: str) -> dict[str, Any]:
    return {"language": "cuda", "source": "custom_kernel = None", "code": code, "flags": list(flags)}


@no_gpu
def test_a_right_triton_kernel_scores_nothing_and_is_told_that_it_is_right(runner: SandboxedKernelRunner) -> None:
    pytest.importorskip("triton")
    (instance, *_) = TriMul().instances("train")
    grade = TriMul().grade(instance, {"language": "triton", "source": UPDATE}, runner)
    assert (grade.score, grade.refused) == (0.0, "")
    assert grade.detail == "right at small sizes under Triton's interpreter; a time needs a GPU"
    assert grade.measures == {"right at small sizes under Triton's interpreter": 1.0}


@no_gpu
@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_triton_kernel_is_told_what_is_wrong(runner: SandboxedKernelRunner, what: str) -> None:
    pytest.importorskip("triton")
    old, new, told = WRONG[what]
    with pytest.raises(KernelRefused, match=told):
        gates.run({"language": "triton", "source": UPDATE.replace(old, new)}, runner)


@no_gpu
@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not installed")
def test_cuda_is_compiled_and_its_resources_are_told(runner: SandboxedKernelRunner) -> None:
    (instance, *_) = TriMul().instances("train")
    grade = TriMul().grade(instance, cuda((HERE / "product.cu").read_text(), "-O3", "-DTILE=32"), runner)
    assert (grade.score, grade.refused) == (0.0, "")
    assert grade.measures["product shared bytes"] == 2 * 32 * 33 * 4
    assert grade.measures["product spilled bytes"] == 0
    assert 16 <= grade.measures["product registers"] <= 64
    assert grade.detail.startswith("compiles for sm_90a: product takes ")
    assert grade.detail.endswith("a time needs a GPU")


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not installed")
def test_spilled_registers_are_counted(runner: SandboxedKernelRunner) -> None:
    gate = gates.run(cuda((HERE / "spilling.cu").read_text()), runner)
    assert gate is not None
    assert gate.measures["spilling registers"] == 64
    assert gate.measures["spilling spilled bytes"] > 400


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="nvcc is not installed")
@pytest.mark.parametrize(
    ("code", "flags", "told"),
    [
        ("__global__ void f() { nonsense; }", (), "nonsense"),
        ("void f() {}", (), "no __global__ function"),
        ((HERE / "product.cu").read_text(), ("-DTILE=256",), "too much shared data"),
    ],
)
def test_cuda_that_does_not_compile_is_told_why(
    runner: SandboxedKernelRunner, code: str, flags: tuple[str, ...], told: str
) -> None:
    with pytest.raises(KernelRefused, match=told) as refused:
        gates.run(cuda(code, *flags), runner)
    assert refused.value.stage == "compile"


def test_without_nvcc_a_sentence_says_so(
    runner: SandboxedKernelRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    guest = (Path(gates.__file__).parent / "cuda_guest.py").read_text().replace('which("nvcc")', 'which("no-nvcc")')
    (tmp_path / "cuda_guest.py").write_text(guest)
    monkeypatch.setattr(gates, "_HERE", tmp_path)
    with pytest.raises(KernelRefused, match="nvcc, which the sandbox does not find here"):
        gates.run(cuda("__global__ void f() {}"), runner)


def test_neither_is_ever_timed_on_a_processor(runner: SandboxedKernelRunner) -> None:
    if runner.device().kind == "cuda":
        pytest.skip("a GPU times them")
    for answer in ({"language": "triton", "source": UPDATE}, cuda("__global__ void f() {}")):
        with pytest.raises(KernelRefused, match="needs a GPU"):
            suite.run(answer, runner)
