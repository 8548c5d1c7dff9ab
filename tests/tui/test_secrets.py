"""A key that a server has shown is on no page of the app: what models were asked, what they said, what went wrong."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.reader import Reader
from sia_tui.app.rows.row import Target
from tests.fakes.anthropic_server import AnthropicServer
from tests.playing import CANARY, call, faulty, small
from tests.tui.conftest import Opened, settle, texts

pytest.importorskip("anthropic", reason="the extra agents is not installed")

PUT_IN_ITS_PLACE = "[ANTHROPIC_API_KEY]"
SAMPLED = 8
LARGE = (240, 60)
"""So wide that no line with the key would be folded."""


@pytest.fixture(scope="module")
def stormy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The workspace of a run whose server shows the key in its faults; tests only look at it."""
    folder = tmp_path_factory.mktemp("stormy")
    toy = small(folder / "times7")
    run = ("run", toy, "--agent", "claude", "--model", "anthropic:claude-haiku-4-5", "--generations", "2")
    with AnthropicServer(faulty, key=CANARY) as server:
        done = call(folder / "w", server.url, *run, key=CANARY)
        assert done.returncode == 0, done
    yield folder / "w"


def pages(workspace: Path) -> list[Target]:
    """The pages of failed attempts, of the agents' calls, of a sample of all events, and of all that these hold."""
    found: dict[Target, None] = {}
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        for event in reader.history(reader.find("last").run):
            called = event.payload
            agents = isinstance(called, t.ModelCalled) and called.role != "task"
            if isinstance(called, t.ModelRetried) or agents or event.n % SAMPLED == 0:
                found[Target("event", event.n)] = None
                found |= {Target("blob", name): None for name in called.blobs()}
    return list(found)


@pytest.mark.asyncio
async def test_a_key_is_on_no_page_of_the_app(stormy: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    rows, pictures = "", ""
    async with opened(stormy, size=LARGE) as (pilot, main):
        rows += "\n".join(line for pane in main.panes.all for line in texts(pane.rows))
        for page in (walked := pages(stormy)):
            main.show_page(page)
            await settle(pilot)
            rows += "\n".join(texts(main.inspector.rows))
            if page.kind == "event":
                pictures += pilot.app.export_screenshot()
    assert {page.kind for page in walked} == {"event", "blob"}
    assert all(PUT_IN_ITS_PLACE in shown for shown in (rows, pictures)), "the pages are there on which it was shown"
    assert not [shown for shown in (rows, pictures) if CANARY in shown]
