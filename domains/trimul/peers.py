"""What others' kernels take on this GPU, beside the reference: milliseconds as JSON. `python -m domains.trimul.peers`.

No verifier: these are programs that one trusts. cuEquivariance gates after its last projection and has one width, so
it computes something else, of the same size, and only where dim = hidden.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

from domains.trimul.cases import HIDDEN, Case
from domains.trimul.gpu_cases import TIMED

CALLS = 20
WARM = 3
FLUSH_BYTES = 256 << 20
_REFERENCES = Path(__file__).with_name("references")
Kernel = Callable[[Any], Any]


def main() -> None:
    """Prints, by case and program, the median of `CALLS` calls, or why there is none."""
    import torch

    torch.set_grad_enabled(False)
    programs: dict[str, Kernel | str] = {name: _ours(name) for name in ("reference", "fused")}
    programs["cuEquivariance"] = _cuequivariance() or "not installed: pip install cuequivariance-torch"
    found = {
        case.name(): {name: _report(torch, case, program, name) for name, program in programs.items()} for case in TIMED
    }
    print(json.dumps(found))


def _report(torch: Any, case: Case, program: Kernel | str, name: str) -> str:
    if isinstance(program, str):
        return program
    if name == "cuEquivariance" and case.dim != HIDDEN:
        return "one width only"
    return f"{_median_ms(torch, program, _inputs(torch, case)):.4g}"


def _median_ms(torch: Any, program: Kernel, data: Any) -> float:
    lines = torch.empty(FLUSH_BYTES // 4, dtype=torch.int32, device="cuda")
    times: list[float] = []
    for _ in range(WARM + CALLS):
        lines.zero_()
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        program(data)
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end))
    return statistics.median(times[WARM:])


def _inputs(torch: Any, case: Case) -> Any:
    d, h = case.dim, case.hidden

    def normal(*shape: int) -> Any:
        return torch.randn(*shape, device="cuda")

    sides = ("left_proj", "right_proj", "left_gate", "right_gate", "out_gate")
    weights = {f"{name}.weight": normal(h, d) * h**-0.5 for name in sides}
    weights |= {"norm.weight": normal(d), "norm.bias": normal(d)}
    weights |= {"to_out_norm.weight": normal(h), "to_out_norm.bias": normal(h), "to_out.weight": normal(d, h) * d**-0.5}
    x = normal(case.batch, case.n, case.n, d)
    mask = (torch.rand(x.shape[:3], device="cuda") < 0.5).float() if case.masked else torch.ones_like(x[..., 0])
    return x, mask, weights, {"hidden_dim": h, "dim": d}


def _ours(name: str) -> Kernel:
    space: dict[str, Any] = {}
    exec((_REFERENCES / f"{name}.py").read_text(), space)  # noqa: S102 - a file of ours
    kernel: Kernel = space["custom_kernel"]
    return kernel


def _cuequivariance() -> Kernel | None:
    if importlib.util.find_spec("cuequivariance_torch") is None:
        return None
    import torch
    from cuequivariance_torch import triangle_multiplicative_update

    def kernel(data: Any) -> Any:
        x, mask, w, _ = data
        return triangle_multiplicative_update(
            x,
            direction="outgoing",
            mask=mask,
            norm_in_weight=w["norm.weight"],
            norm_in_bias=w["norm.bias"],
            p_in_weight=torch.cat([w["left_proj.weight"], w["right_proj.weight"]]),
            g_in_weight=torch.cat([w["left_gate.weight"], w["right_gate.weight"]]),
            norm_out_weight=w["to_out_norm.weight"],
            norm_out_bias=w["to_out_norm.bias"],
            p_out_weight=w["to_out.weight"],
            g_out_weight=w["out_gate.weight"],
        )

    return kernel


if __name__ == "__main__":
    main()
