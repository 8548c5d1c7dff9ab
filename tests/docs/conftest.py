"""The documentation is tried out without downloading 93 MB: tests/unit/models and tests/local do that in earnest."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.models.files import smollm2
from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import environment, play_talk


@pytest.fixture(autouse=True)
def _nothing_is_downloaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smollm2, "fetch", lambda _: smollm2.path())


@pytest.fixture
def _an_agent_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server of the tests stands for Claude."""
    with AnthropicServer(play_talk) as server:
        for name in ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"):
            monkeypatch.setenv(name, environment(server.url)[name])
        yield
