"""What an agent's model says is seen in the app and in plain lines while it arrives, and never in a replay."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from engine.events import types as t
from sia_tui.app.screens.main import MainScreen
from tests.fakes.anthropic_server import AnthropicServer, Plan
from tests.fakes.serving import Asked
from tests.playing import call, contents, environment, payloads, play, small
from tests.story import sia
from tests.tui.conftest import Opened, settle
from tests.tui.test_acting import until

pytest.importorskip("anthropic", reason="the extra agents is not installed")
pytestmark = [pytest.mark.asyncio, pytest.mark.slow]

RUN = ("--agent", "claude", "--model", "anthropic:claude-haiku-4-5", "--generations", "2", "--name", "slow")
SAID = "The prompt says nothing of the rule, so I look at what was answered. "


def slowly(asked: Asked) -> Plan:
    """The game, in which the Feedback-Agent takes some fifteen seconds for its first words."""
    plan = play(asked)
    return plan._replace(blocks=[SAID * 3, *plan.blocks[1:]], pause_s=0.3) if "Let me see." in plan.blocks else plan


def bar(main: MainScreen) -> str:
    """What the bar says, where it is drawn."""
    return str(main.live_text_bar.render()) if main.live_text_bar.display else ""


async def test_a_reply_is_seen_as_it_arrives_and_recorded_whole(tmp_path: Path, opened: Opened) -> None:
    workspace = tmp_path / "w"
    with AnthropicServer(slowly) as server:
        words = sia(workspace, "run", small(tmp_path / "times7"), *RUN, "--plain")
        run = subprocess.Popen(words, env=environment(server.url), stdout=subprocess.PIPE, text=True)
        await until((workspace / "events.db").exists)
        async with opened(workspace) as (pilot, main):
            await until(lambda: "Feedback-Agent" in bar(main) and "nothing of the rule" in bar(main), "live text")
            await until(lambda: main.navigator.status == "finished")
            await until(lambda: not bar(main))
            await pilot.press("home")
            main.go_to(main.navigator.cursor.head // 2)  # type: ignore[union-attr]
            await settle(pilot)
            assert not bar(main), "a replay has no live text"
        printed, _ = run.communicate(timeout=60)
        (told,) = [line for line in printed.splitlines() if "characters so far" in line]
        assert "Analysis: reply of the Feedback-Agent, " in told
        assert SAID.encode() * 3 in b"".join(contents(workspace))
        calls = payloads(workspace, t.ModelCalled)
        again = call(workspace, server.url, "replay", "last", "--verify")
        assert again.returncode == 0
        assert "so far" not in again.stdout
        assert len(calls) == len(payloads(workspace, t.ModelCalled))
