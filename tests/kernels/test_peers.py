"""Our weights, in the order in which cuEquivariance takes them; its formula stands here, since it needs a GPU."""

from __future__ import annotations

import importlib.machinery
import sys
import types
from typing import Any

import numpy as np
import pytest

from domains.trimul import peers
from domains.trimul.cases import Case

pytestmark = pytest.mark.kernels
torch = pytest.importorskip("torch", reason="needs pip install 'sia-tui[kernels]'")
functional = torch.nn.functional


def update(x: Any, *, direction: str, mask: Any, **w: Any) -> Any:
    """Normalise, project and gate both sides, multiply over k, normalise, project, gate."""
    assert direction == "outgoing"
    dim = (x.shape[-1],)
    x = functional.layer_norm(x, dim, w["norm_in_weight"], w["norm_in_bias"])
    sides = functional.linear(x, w["p_in_weight"]) * functional.linear(x, w["g_in_weight"]).sigmoid() * mask[..., None]
    made = torch.einsum("bikh,bjkh->bijh", *sides.chunk(2, dim=-1))
    made = functional.layer_norm(made, dim, w["norm_out_weight"], w["norm_out_bias"])
    return functional.linear(made, w["p_out_weight"]) * functional.linear(x, w["g_out_weight"]).sigmoid()


def test_where_the_last_projection_changes_nothing_it_computes_what_the_reference_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = types.ModuleType("cuequivariance_torch")
    module.__spec__ = importlib.machinery.ModuleSpec("cuequivariance_torch", None)
    module.triangle_multiplicative_update = update  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cuequivariance_torch", module)
    monkeypatch.setattr(torch, "randn", _on_the_processor(torch.randn))
    monkeypatch.setattr(torch, "rand", _on_the_processor(torch.rand))
    torch.manual_seed(0)
    data = peers._inputs(torch, Case(6, 2, 16, True, "normal", 16))
    data[2]["to_out.weight"] = torch.eye(16)
    theirs, ours = peers._cuequivariance(), peers._ours("reference")
    assert theirs is not None
    np.testing.assert_allclose(theirs(data), ours(data), rtol=1e-4, atol=1e-4)


def _on_the_processor(draw: Any) -> Any:
    def drawn(*shape: int, device: str) -> Any:
        assert device == "cuda"
        return draw(*shape)

    return drawn
