"""The live-text bar: the last words of the reply that an agent's model is giving. What is live is asked for here."""

from __future__ import annotations

import time
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
QUIET_S = 0.9
"""Seconds until an engine that says nothing is asked again."""


class LiveTextBar(Bar):
    """Drawn at the newest event of a run while an agent with a model is at work; the engine is asked for the text."""

    DEFAULT_CSS = "LiveTextBar { background: $surface; color: $text-muted; display: none; }"

    def __init__(self, navigator: Navigator) -> None:
        super().__init__(markup=False)
        self._navigator = navigator
        self._asked, self._again_at = "", 0.0

    def on_mount(self) -> None:
        """Begins to look."""
        self.set_interval(LOOK_S, self.fill)

    async def fill(self) -> None:
        """Asks the engine what its step does, and draws the reply so far; between two replies, that the agent works."""
        run, spoken, work = self._working_run(), None, None
        if run and run == self._asked and time.monotonic() < self._again_at:
            return
        self._asked = run
        if run:
            from engine.loop.control_socket import listen

            heard = await listen(self._navigator.sources.workspace.path, run)
            spoken, work = heard.spoken, heard.work
        self._again_at = time.monotonic() + (0 if spoken else QUIET_S)
        self._navigator.work = work
        if self.display != (speaks := bool(run) and self._speaks):
            self.display = speaks
        if speaks:
            self.draw(self._line(spoken))

    def _working_run(self) -> str:
        """The run whose newest event is shown, if its engine works on a step."""
        cursor = self._navigator.cursor
        if cursor is None or not cursor.at_head or cursor.source.sealed or self._navigator.status != "running":
            return ""
        return cursor.run_id if cursor.snapshot.state.open_step is not None else ""

    @property
    def _speaks(self) -> bool:
        """Whether the step is that of an agent with a model."""
        state = self._navigator.cursor.snapshot.state if self._navigator.cursor else None
        works = state and state.open_step is not None and state.open_step.kind in ("write", "analyse", "improve")
        return bool(works and state and state.settings.agent_model)

    def _line(self, spoken: Spoken | None) -> Text:
        if spoken is None:
            return Text(" the agent is at work", style="dim")
        head = f" {ROLES[spoken.role]}, {plural(spoken.characters, 'character')} so far: "
        return Text(head, style="dim").append(
            sanitize(spoken.tail(max(10, self.size.width - len(head)))), style="not dim"
        )
