"""The samples that `sia bench --gpu` puts to a GPU, as far as a processor can tell: Triton's by its interpreter, CUDA's
by its compiler."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domains.trimul import suite

pytestmark = pytest.mark.kernels
FOLDER = Path(suite.__file__).parent
INTERPRETED = f"""
import importlib.util, numpy, torch
from domains.trimul import cases, guest

def kernel(path):
    spec = importlib.util.spec_from_file_location("kernel", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.custom_kernel

case = cases.Case(7, 2, 32, True, "cauchy", 16)
d, h = case.dim, case.hidden
shapes = [(2, 7, 7, d), (2, 7, 7), (d,), (d,), *[(h, d)] * 5, (h,), (h,), (d, h)]
parts = cases.inputs(case, numpy.random.default_rng(0))
x, mask, *weights = (torch.from_numpy(part).view(shape) for part, shape in zip(parts, shapes))
data = x, mask, dict(zip(guest.WEIGHTS, weights)), {{"hidden_dim": h, "dim": d}}
got, want = (kernel(path)(data) for path in ({str(FOLDER / "samples/triton.py")!r},
                                             {str(FOLDER / "references/reference.py")!r}))
torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-4)
"""


def test_the_one_in_triton_is_right_under_the_interpreter() -> None:
    pytest.importorskip("triton", reason="needs pip install 'sia-tui[kernels]'")
    environment = {"TRITON_INTERPRET": "1", "PYTHONPATH": str(FOLDER.parents[1]), "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", INTERPRETED], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("nvcc") is None, reason="there is no nvcc here")
def test_the_one_in_cuda_compiles_without_spills(tmp_path: Path) -> None:
    target = ["-arch=sm_90a", "-O3", "-shared", "-Xcompiler", "-fPIC", "-Xptxas", "-v", "-o", str(tmp_path / "k.so")]
    done = subprocess.run(
        ["nvcc", *target, str(FOLDER / "samples" / "cuda.cu")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "0 bytes spill stores, 0 bytes spill loads" in done.stdout + done.stderr
