"""The three panes: beside each other, or one at a time where the terminal is narrow or the user has zoomed."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from sia_tui.app.navigator.navigator import Focus, Navigator
from sia_tui.app.navigator.place import Pane
from sia_tui.app.widgets.inspector_pane import InspectorPane
from sia_tui.app.widgets.lineage_pane import LineagePane
from sia_tui.app.widgets.lines import Lines
from sia_tui.app.widgets.timeline_pane import TimelinePane

MIN_COLUMNS = 110
"""Columns from which the panes stand beside each other."""


class Panes(Horizontal):
    """Lineage, timeline and inspector. With the class `narrow`, only the pane that the navigator names is shown."""

    DEFAULT_CSS = """
    Panes { height: 1fr; }
    Panes LineagePane { width: 38; border: round $panel; }
    Panes TimelinePane { width: 1fr; border: round $panel; }
    Panes InspectorPane { width: 1fr; border: round $panel; }
    Panes > Lines { border-title-color: $foreground; }
    Panes > Lines:focus { border: round $primary; }
    Panes.narrow > Lines { display: none; width: 1fr; border: none; }
    Panes.narrow > Lines.current { display: block; }
    """

    def __init__(self, navigator: Navigator) -> None:
        super().__init__()
        self.lineage = LineagePane(navigator)
        self.timeline = TimelinePane(navigator)
        self.inspector = InspectorPane(navigator)
        self.all: tuple[Lines, ...] = (self.lineage, self.timeline, self.inspector)
        self._navigator = navigator
        self._columns = MIN_COLUMNS
        self._zoomed = False

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
        return self._columns < MIN_COLUMNS or self._zoomed

    def resize(self, columns: int) -> None:
        """Lays out the panes for a terminal of that many columns."""
        self._columns = columns
        self._lay_out()

    def toggle_zoom(self) -> None:
        """Shows the focused pane alone, or all panes again."""
        self._zoomed = not self._zoomed
        self._lay_out()

    def show_pane(self, pane: int) -> None:
        """Gives a pane the focus. Outside 0 to 2 it is the pane at that end."""
        self._navigator.pane = Pane(max(0, min(pane, len(self.all) - 1)))
        self._lay_out()
        self.screen.set_focus(self.focused)  # now: keys that were typed ahead go there

    def _lay_out(self) -> None:
        self.set_class(self.narrow, "narrow")
        if self.narrow:  # only then: a changed class makes Textual match every style rule again
            for pane in Pane:
                self.all[pane].set_class(pane == self._navigator.pane, "current")
