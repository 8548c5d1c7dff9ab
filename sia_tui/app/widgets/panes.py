"""The three panes: beside each other, two, or one at a time, as wide as the terminal is."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from sia_tui.app.navigator.navigator import Focus, Navigator
from sia_tui.app.navigator.place import Pane
from sia_tui.app.widgets.inspector_pane import InspectorPane
from sia_tui.app.widgets.lineage_pane import LineagePane
from sia_tui.app.widgets.lines import Lines
from sia_tui.app.widgets.timeline_pane import TimelinePane

MIN_TWO, MIN_THREE = 110, 140
"""Columns from which two panes, and all three, stand beside each other."""
_BESIDE = {Pane.LINEAGE: Pane.TIMELINE, Pane.TIMELINE: Pane.INSPECTOR, Pane.INSPECTOR: Pane.TIMELINE}
"""Where two are shown, the pane that stands beside the focused one."""


class Panes(Horizontal):
    """Lineage, timeline and inspector. The focused one takes half of the width, or all where it is shown alone."""

    DEFAULT_CSS = """
    Panes { height: 1fr; }
    Panes > Lines { width: 1fr; border: round $panel; border-title-color: $foreground; }
    Panes > Lines:focus { border: round $primary; }
    Panes.narrow > Lines { border: none; }
    """

    def __init__(self, navigator: Navigator) -> None:
        super().__init__()
        self.lineage = LineagePane(navigator)
        self.timeline = TimelinePane(navigator)
        self.inspector = InspectorPane(navigator)
        self.all: tuple[Lines, ...] = (self.lineage, self.timeline, self.inspector)
        self._navigator = navigator
        self._columns = MIN_THREE
        self._zoomed = False
        self._widths = dict.fromkeys(Pane, 1)

    def compose(self) -> ComposeResult:
        """The panes, from left to right."""
        yield from self.all

    @property
    def focused(self) -> Lines:
        """The pane that keys go to."""
        return self.all[self._navigator.pane]

    @property
    def cursors(self) -> Focus:
        """What the cursors of the panes are on."""
        current = self.focused.current
        return Focus(current.target if current else None, self.timeline.event)

    @property
    def narrow(self) -> bool:
        """Whether one pane is shown at a time."""
        return self._columns < MIN_TWO or self._zoomed

    def resize(self, columns: int) -> None:
        """Lays out the panes for a terminal of that many columns."""
        self._columns = columns
        self._lay_out()

    def toggle_zoom(self) -> None:
        """Shows the focused pane alone, or the others again."""
        self._zoomed = not self._zoomed
        self._lay_out()

    def show_pane(self, pane: int) -> None:
        """Gives a pane the focus. Outside 0 to 2 it is the pane at that end."""
        self._navigator.pane = Pane(max(0, min(pane, len(self.all) - 1)))
        self._lay_out()
        self.screen.set_focus(self.focused)  # now: keys that were typed ahead go there

    def _lay_out(self) -> None:
        """Styles are set where they change only: each makes Textual lay out the screen again."""
        self.set_class(self.narrow, "narrow")
        focused = self._navigator.pane
        shown = {focused} if self.narrow else {focused, _BESIDE[focused]} if self._columns < MIN_THREE else set(Pane)
        for pane in Pane:
            lines, width = self.all[pane], 2 if pane == focused and len(shown) == len(Pane) else 1
            if lines.display != (pane in shown):
                lines.display = pane in shown
            if self._widths[pane] != width:
                self._widths[pane] = width
                lines.styles.width = f"{width}fr"
