"""An adapter made elsewhere is the next candidate of a fork, judged as any other; one that does not fit is refused."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

pytest.importorskip("httpx2", reason="the extra agents is not installed")

from engine.core import replay
from engine.errors import SiaError
from engine.events import types as t
from engine.plain import well_formed
from engine.queries import audit
from engine.run.workspace import Workspace
from engine.transfer import adapter_import
from engine.transfer.adapter_import import import_adapter
from engine.transfer.garbage import survey
from tests import tensor_files as files
from tests.training import TRAINS, Stage, stage


@pytest.fixture
def play(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    with stage(tmp_path, monkeypatch) as play:
        files.checkpoint(tmp_path / "base")
        yield play


def test_it_is_judged_under_the_best_harness_and_training_goes_on_from_it(play: Stage, tmp_path: Path) -> None:
    play.run(TRAINS, generations=1)
    made = import_adapter(play.workspace, files.adapter(tmp_path / "elsewhere"), "last")
    assert made.generation == 2
    payloads = play.resume()
    (trained,) = (one for one in payloads if isinstance(one, t.WeightsTrained))
    assert (trained.adapter, trained.algorithm, trained.author) == (made.adapter, "another program", "person")
    verdict = [one for one in payloads if isinstance(one, t.GateDecided)][-1]
    assert verdict.accepted  # the server knows the rule with any adapter
    begun = [one.candidate for one in payloads if isinstance(one, t.GenerationStarted)]
    assert [one.weights for one in begun] == [None, made.adapter]
    assert begun[0].harness == begun[1].harness
    with contextlib.closing(play.workspace.reader()) as reader:
        assert replay.verify(reader, made.run).identical
        assert audit.verify(reader, play.workspace).problems == []
    assert survey(play.workspace).files == []  # a run has it, so it is no waste
    with pytest.raises(SiaError, match="the adapter is the incumbent's"):
        import_adapter(play.workspace, tmp_path / "elsewhere", "last")


@pytest.mark.parametrize("name", [b"line\nbreak", b"latin-\xe9"])
def test_the_folder_may_have_any_name_and_be_the_current_one(
    play: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: bytes
) -> None:
    play.run(TRAINS, generations=1)
    folder = files.adapter(tmp_path / os.fsdecode(name))
    monkeypatch.chdir(folder)
    made = import_adapter(play.workspace, Path(), "last")
    with contextlib.closing(play.workspace.reader()) as reader:
        trained = [one.payload for one in reader.history(made.run) if isinstance(one.payload, t.WeightsTrained)]
    assert trained[-1].ended == f"imported from the folder {well_formed(folder.name)}"


def test_what_does_not_fit_changes_nothing(play: Stage, tmp_path: Path) -> None:
    play.run(TRAINS, generations=1)
    with contextlib.closing(play.workspace.reader()) as reader:
        runs = [run.run for run in reader.runs()]
    for folder in (files.adapter(tmp_path / "wide", r=4), tmp_path / "nowhere"):
        with pytest.raises(SiaError, match=r"has no adapter for the model vllm:.*base"):
            import_adapter(play.workspace, folder, "last")
    assert not (play.workspace.path / "adapters").exists()
    with contextlib.closing(play.workspace.reader()) as reader:
        assert [run.run for run in reader.runs()] == runs


def test_what_does_not_fit_is_not_even_copied(play: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play.run(TRAINS, generations=1)
    monkeypatch.setattr(adapter_import.shutil, "copyfile", lambda *_: pytest.fail("it was copied"))
    large, pipe = files.adapter(tmp_path / "large"), files.adapter(tmp_path / "pipe")
    os.truncate(large / "adapter_model.safetensors", 1 << 40)  # a hole, which takes no room
    (pipe / "adapter_config.json").unlink()
    os.mkfifo(pipe / "adapter_config.json")  # to open it would wait for a writer
    for folder in (large, pipe):
        with pytest.raises(SiaError, match="has no adapter for the model"):
            import_adapter(play.workspace, folder, "last")


def test_a_log_that_claims_another_harness_or_a_training_does_not_replay(
    play: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play.run(TRAINS, generations=1)
    plan = adapter_import._plan

    def forged(*arguments: object) -> object:
        made = plan(*arguments)  # type: ignore[arg-type]
        assert made.adapter
        return replace(made, adapter=replace(made.adapter, harness="0" * 40))

    monkeypatch.setattr(adapter_import, "_plan", forged)
    made = import_adapter(play.workspace, files.adapter(tmp_path / "elsewhere"), "last")
    with contextlib.closing(play.workspace.reader()) as reader:
        assert not replay.verify(reader, made.run).identical


def test_a_run_without_a_model_is_refused(home: Workspace, tmp_path: Path) -> None:
    with pytest.raises(SiaError, match="has no candidate with a model that an adapter could change"):
        import_adapter(home, files.adapter(tmp_path / "elsewhere"), "last")


def test_a_run_that_would_never_try_it_is_refused(play: Stage, tmp_path: Path) -> None:
    play.run("nothing = 'never asked'", lever="best-of-n", generations=2)
    with pytest.raises(SiaError, match="tries no candidate after its first, as its lever is best-of-n"):
        import_adapter(play.workspace, files.adapter(tmp_path / "elsewhere"), "last")
    assert not (play.workspace.path / "adapters").exists()
