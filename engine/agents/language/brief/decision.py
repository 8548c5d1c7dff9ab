"""The decision of a short conversation, with the arguments that are needed there; the prompt says what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from engine.agents.language.edits import Replacement
from engine.agents.language.toolbox import Arguments, lean
from engine.models.protocol import Tool
from harness_repo.harness import Harness
from harness_repo.tunable import Value


class UpdateBriefly(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of the harness; `reason` has the findings, too."""

    reason: Annotated[str, Meta(max_length=4000)]
    expected_gain: Annotated[float, Meta(ge=-1e9, le=1e9)]
    replacements: list[Replacement] = []
    files: Annotated[dict[str, str], Meta(description="Whole files by path.")] = {}
    params: Annotated[dict[str, Value], Meta(description="New values in params.toml.")] = {}
    findings: ClassVar[str] = ""
    evidence: ClassVar[Sequence[str]] = ()
    cost: ClassVar[str] = ""
    notebook: ClassVar[str] = ""
    remove: ClassVar[Sequence[str]] = ()
    tune: ClassVar[int] = 0


UPDATE = Arguments("update_harness", "Change the best candidate.", UpdateBriefly)


def tool(harness: Harness) -> Tool:
    """Its definition, without what only the check needs, and without values where there are none to set."""
    shape = lean(UPDATE.tool.parameters)
    if not sets_values(harness):
        shape["properties"].pop("params")
    return replace(UPDATE.tool, parameters=shape)


def sets_values(harness: Harness) -> bool:
    """Whether the harness has values in `params.toml`."""
    return bool(harness.params) and not harness.manifest.evolve
