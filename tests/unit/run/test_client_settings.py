"""Settings that a coding agent cannot keep are refused before a run begins."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import SiaError
from engine.events import types as t
from engine.run.options import check_settings
from tests.histories import settings

DOLLARS, TOKENS = t.Budget(usd=1.0), t.Budget(tokens=1000)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"agent": "claude-code", "agent_minutes": 0.0}, "an errand of a coding agent has up to 1440 minutes, not 0"),
        ({"agent": "codex", "agent_minutes": 1e9}, "an errand of a coding agent has up to 1440 minutes, not 1e+09"),
        ({"agent": "codex", "budget": DOLLARS}, "Codex does not tell what it costs, so a budget of dollars"),
        ({"agent": "command:agent", "budget": DOLLARS}, "does not tell what it costs"),
        ({"agent": "command:agent", "budget": TOKENS}, "does not tell its tokens, so a budget of tokens"),
        ({"agent": "command:agent", "client_model": "m"}, "is started as it is, and takes no --agent-model"),
        ({"agent": "search", "client_model": "m"}, "the agent search is no coding agent"),
    ],
)
def test_what_a_coding_agent_cannot_keep_is_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(SiaError) as refused:
        check_settings(settings(**changes))
    assert says in refused.value.message


@pytest.mark.parametrize(
    "changes",
    [
        {"agent": "claude-code", "budget": DOLLARS, "client_model": "sonnet"},
        {"agent": "codex", "budget": TOKENS, "agent_minutes": 1440.0},
        {"agent": "command:agent", "agent_minutes": 0.5},
    ],
)
def test_what_it_can_keep_is_taken(changes: dict[str, Any]) -> None:
    check_settings(settings(**changes))
