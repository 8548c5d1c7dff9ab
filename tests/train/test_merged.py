"""A merged model says what its base says with the adapter, in a folder that needs neither."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("peft", reason="needs the extra train")

import torch
from click.testing import CliRunner
from safetensors import safe_open
from safetensors.torch import save_file

from engine.checkout.merged import Merge
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.models.backends.transformers import Transformers
from engine.models.files.adapter import adapter_folder
from engine.models.files.checkpoint import weights_of
from engine.run.workspace import Workspace
from engine.weights.adapters import keep
from engine.weights.policy import Policy
from engine.weights.recipe import recipe
from sia_tui.main import cli
from tests.histories import Play, settings, started
from tests.train import tiny
from tests.train.test_trainer import SMALL

pytestmark = pytest.mark.train


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "base").mkdir()
    return tiny.checkpoint(tmp_path / "base")


@pytest.fixture
def adapter(base: Path, tmp_path: Path) -> str:
    policy = Policy(base, recipe("grpo", SMALL), 1)
    with torch.no_grad():
        for value in policy.trained.values():
            value.normal_(0, 0.2)
    (tmp_path / "made").mkdir()
    policy.save(tmp_path / "made")
    return keep(tmp_path / "adapters", tmp_path / "made", base=policy.weights, architecture="llama", lineage={})


def scores(folder: Path, adapters: Path | None = None, adapter: str | None = None) -> list[float]:
    async def go() -> list[float]:
        model = Transformers(folder, adapters=adapters)
        try:
            return list((await model.score("sun moon", tiny.WORDS, adapter=adapter)).logprobs)
        finally:
            await model.close()

    return asyncio.run(go())


def test_it_answers_as_the_base_with_the_adapter_and_is_whole(base: Path, adapter: str, tmp_path: Path) -> None:
    Merge(f"hf:{base}", tmp_path / "adapters", adapter).write(tmp_path / "merged")
    expected = scores(base, tmp_path / "adapters", adapter)
    assert scores(tmp_path / "merged") == pytest.approx(expected, abs=1e-4)
    assert scores(base) != pytest.approx(expected, abs=1e-2)
    assert not list((tmp_path / "merged").glob("adapter*"))


def test_it_keeps_the_precision_of_its_base(base: Path, adapter: str, tmp_path: Path) -> None:
    with safe_open(base / "model.safetensors", "pt") as file:
        before = {name: file.get_tensor(name).dtype for name in file.keys()}  # noqa: SIM118 - no mapping
    Merge(f"hf:{base}", tmp_path / "adapters", adapter).write(tmp_path / "merged")
    with safe_open(tmp_path / "merged" / "model.safetensors", "pt") as file:
        assert {name: file.get_tensor(name).dtype for name in file.keys()} == before  # noqa: SIM118


def test_it_keeps_a_precision_that_only_the_tensors_tell(base: Path, adapter: str, tmp_path: Path) -> None:
    with safe_open(base / "model.safetensors", "pt") as file:
        halved = {name: file.get_tensor(name).to(torch.bfloat16) for name in file.keys()}  # noqa: SIM118
    other = shutil.copytree(base, tmp_path / "other")
    save_file(halved, other / "model.safetensors", {"format": "pt"})
    told = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({name: one for name, one in told.items() if "dtype" not in name}))
    made = adapter_folder(tmp_path / "adapters", adapter, weights_of(base))
    shutil.copytree(made, tmp_path / "plain", ignore=shutil.ignore_patterns("manifest.json"))
    again = keep(tmp_path / "adapters", tmp_path / "plain", base=weights_of(other), architecture="llama", lineage={})
    Merge(f"hf:{other}", tmp_path / "adapters", again).write(tmp_path / "merged")
    with safe_open(tmp_path / "merged" / "model.safetensors", "pt") as file:
        assert {file.get_tensor(name).dtype for name in file.keys()} == {torch.bfloat16}  # noqa: SIM118


def test_the_command_writes_it_beside_the_harness_for_all_who_may_read_that(
    base: Path, adapter: str, tmp_path: Path
) -> None:
    workspace = Workspace(tmp_path)  # its adapters are those of the fixture
    with contextlib.closing(RunLog.hold(workspace.path, "r1")) as log:
        play = Play(log, started(settings(model=f"hf:{base}")))
        play.to_rest()
        last, harness = play.state.generation, play.state.of(1).candidate.harness
        made = t.WeightsTrained(last + 1, harness, adapter, "hf:", "grpo", {}, "key", 1, "done", "search", "a stall")
        log.append([(last, made), (last + 1, t.GenerationStarted(t.Candidate(harness, weights=adapter)))])
    place = tmp_path / "best"
    asked = ["checkout", "r1", "-o", str(place), "--generation", str(last + 1), "--as", "merged", "--json"]
    done = CliRunner().invoke(cli, [*asked, "--workspace", str(workspace.path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert {"merged/README.md", "merged/config.json", "merged/model.safetensors", "run.py"} <= set(told["files"])
    assert scores(place / "merged") == pytest.approx(scores(base, tmp_path / "adapters", adapter), abs=1e-4)
    modes = {(place / name).stat().st_mode for name in told["files"]}
    assert len(modes) == 1


def test_another_base_is_refused(base: Path, adapter: str, tmp_path: Path) -> None:
    config = json.loads((base / "config.json").read_text())
    assert config["model_type"] == "llama"
    raw = (base / "model.safetensors").read_bytes()
    (base / "model.safetensors").write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    with pytest.raises(SiaError, match="belongs to another base model"):
        Merge(f"hf:{base}", tmp_path / "adapters", adapter)
