"""Prompts and tools are pinned: who changes one raises its version and pins it anew.

python -m tests.golden.test_prompts writes the pins.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.agents.language import compact, edits, run_tools
from engine.agents.language.prompt import CLIENT_NAMES, NAMES, load
from engine.agents.language.toolbox import schema_of
from tests.agent_tools import FakeRecord, view

PINNED = tuple(dict.fromkeys((*NAMES, "talk", *CLIENT_NAMES)))
PINS = Path(__file__).parent / "prompts.json"


def pins() -> dict[str, Any]:
    """What is pinned, as it is now."""
    prompts = {name: {"version": (one := load(name)).version, "sha256": one.sha256} for name in PINNED}
    offered = [*run_tools.of_run(view(), FakeRecord(), 1000), run_tools.of_train(FakeRecord(), 1000)]
    offered += compact.read_tools(view(), FakeRecord())
    tools = [msgspec.to_builtins(one.tool) for one in offered]
    tools.append(msgspec.to_builtins(compact.decision("update_harness", view())))
    tools += [schema_of(kind) for kind in (edits.WriteHarness, edits.UpdateHarness, edits.UpdateWeights)]
    digest = hashlib.sha256(json.dumps(tools, sort_keys=True).encode()).hexdigest()
    return {"prompts": prompts, "tools": {"sha256": digest}}


def test_prompts_and_tools_are_those_that_are_pinned() -> None:
    assert pins() == json.loads(PINS.read_text())


@pytest.mark.parametrize("name", PINNED)
def test_a_prompt_says_its_version_and_not_to_the_model(name: str) -> None:
    prompt = load(name)
    assert prompt.version >= 1
    assert "version:" not in prompt.text
    assert len(prompt.sha256) == 64


if __name__ == "__main__":
    PINS.write_text(json.dumps(pins(), indent=2) + "\n")
