"""The training part of `sia bench --gpu` with the real trainer, on a model of random weights and without a GPU."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("peft", reason="needs the extra train")

from engine.acceptance import weights
from engine.errors import SiaError
from engine.models.files.adapter import adapter_folder
from engine.weights.client import Trainer
from tests.train import tiny

pytestmark = pytest.mark.train


def test_on_a_processor_it_says_so(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    model = tiny.checkpoint(tmp_path / "tiny")
    with pytest.raises(SiaError, match="ran on the processor"):
        asyncio.run(weights.WeightsTrial(tmp_path / "adapters").train(model, 1))


def test_its_rounds_are_rounds_of_the_trainer_and_leave_an_adapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny.checkpoint(tmp_path / "tiny")
    opened = weights.open_trainer

    @contextlib.asynccontextmanager
    async def elsewhere(*given: Any) -> AsyncIterator[Trainer]:
        async with opened(*given, threads=1) as trainer:
            trainer.facts["device"] = "a GPU"  # so that the part goes on
            yield trainer

    monkeypatch.setattr(weights, "open_trainer", elsewhere)
    part = weights.WeightsTrial(tmp_path / "adapters")
    (table,) = asyncio.run(part.train(model, 2))
    assert [row[0] for row in table.rows] == ["1", "2"]
    assert all(float(row[4]) >= 1 for row in table.rows)
    (name,) = [path.name for path in (tmp_path / "adapters").iterdir()]
    assert adapter_folder(tmp_path / "adapters", name, "")
