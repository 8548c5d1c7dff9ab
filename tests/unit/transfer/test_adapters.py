"""Adapters beside an exported run: with their card, and back without it."""

from __future__ import annotations

import contextlib
from pathlib import Path

from engine.events import types as t
from engine.events.log import RunLog
from engine.run.workspace import Workspace
from engine.transfer import adapters
from tests.training import adapter


def test_an_adapter_travels_with_its_card_and_arrives_as_it_was(
    home: Workspace, away: Workspace, tmp_path: Path
) -> None:
    name = adapter(home.path / "adapters", "hf:base", "an adapter")
    trained = t.WeightsTrained(4, "0" * 40, name, "hf:base", "grpo", {}, "key", 1, "done", "search", "on a stall")
    with contextlib.closing(RunLog.hold(home.path, "r1")) as log:
        log.append([(3, trained)])
    file = tmp_path / "run.sia"
    with contextlib.closing(home.reader()) as reader:
        assert adapters.pack(reader, "r1", home, file) == [name]
        beside = adapters.folder_beside(file) / name
        assert name in (beside / "README.md").read_text()
        assert adapters.unpack(reader, "r1", away, file) == [name]
    assert {path.name for path in (away.path / "adapters" / name).iterdir()} == {
        path.name for path in (home.path / "adapters" / name).iterdir()
    }
