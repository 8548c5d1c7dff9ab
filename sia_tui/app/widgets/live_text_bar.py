"""The live-text bar: the last words of the reply that an agent's model is giving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.rows.text import sanitize
from sia_tui.app.widgets.bars import Bar
from sia_tui.cli.formats import plural
from sia_tui.cli.headlines import ROLES

if TYPE_CHECKING:
    from engine.models.live_text import Spoken

LOOK_S = 0.25
"""Seconds between two looks at the reply."""


class LiveTextBar(Bar):
    """Drawn at the newest event of a run while an agent with a model is at work; the engine is asked for the text."""

    DEFAULT_CSS = "LiveTextBar { background: $surface; color: $text-muted; display: none; }"

    def __init__(self, navigator: Navigator) -> None:
        super().__init__(markup=False)
        self._navigator = navigator

    def on_mount(self) -> None:
        """Begins to look."""
        self.set_interval(LOOK_S, self.fill)

    async def fill(self) -> None:
        """Draws the reply so far; between two replies, that the agent is at work."""
        run = self._speaking_run()
        if self.display != bool(run):
            self.display = bool(run)
        if run:
            from engine.loop.control_socket import listen

            self.draw(self._line(await listen(self._navigator.sources.workspace.path, run)))

    def _speaking_run(self) -> str:
        cursor = self._navigator.cursor
        if cursor is None or not cursor.at_head or cursor.source.sealed or self._navigator.status != "running":
            return ""
        state = cursor.snapshot.state
        works = state.open_step is not None and state.open_step.kind in ("write", "analyse", "improve")
        return cursor.run_id if works and state.settings.agent_model else ""

    def _line(self, spoken: Spoken | None) -> Text:
        if spoken is None:
            return Text(" the agent is at work", style="dim")
        head = f" {ROLES[spoken.role]}, {plural(spoken.characters, 'character')} so far: "
        return Text(head, style="dim").append(
            sanitize(spoken.tail(max(10, self.size.width - len(head)))), style="not dim"
        )
