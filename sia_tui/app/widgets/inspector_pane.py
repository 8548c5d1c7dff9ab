"""The inspector pane: the page on top of the navigator's stack."""

from __future__ import annotations

import importlib
import sys
from bisect import bisect_right
from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.timer import Timer

from engine.errors import SiaError
from sia_tui.app import pages
from sia_tui.app.model import instance_inputs
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.navigator.page_stack import OpenPage
from sia_tui.app.navigator.run_cursor import RunCursor
from sia_tui.app.rows.found import matching
from sia_tui.app.rows.row import Page, Row, Target, row
from sia_tui.app.rows.text import sanitize, wrap
from sia_tui.app.widgets.lines import Lines

LOAD_S = 0.3
"""After this time modules are imported that a page needs: the first keys come before."""
RESIZE_S = 0.1
"""After a resize the lists are drawn, and take keys, before the page is wrapped again."""


class InspectorPane(Lines):
    """A page about the run at the event that is shown. Slow pages are built on another thread.

    While the page is searched, `n` and `N` go to the next match and the one before; else the screen has these keys.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "match(1)", "Next match", show=False, id="page.next"),
        Binding("N", "match(-1)", "Previous match", show=False, id="page.previous"),
    ]

    class Built(Message):
        """A slow page is built."""

        def __init__(self, page: Page, open_page: OpenPage, n: int) -> None:
            super().__init__()
            self.page = page
            self.open_page = open_page
            self.n = n

    class InputsRead(Message):
        """The inputs of instances are there, or are known to be missing."""

    class Searched(Message):
        """The cursor went to a match."""

    class Loaded(Message):
        """A module that a page needs is imported."""

    class Redrawn(Message):
        """The page was drawn later than it was opened: what depends on its rows is drawn before them."""

    def __init__(self, navigator: Navigator) -> None:
        super().__init__()
        self.title = ""
        self.loads = False
        self._navigator = navigator
        self.resize_timer: Timer | None = None
        self._shown: tuple[OpenPage, int, int, int] | None = None
        self._drawn: OpenPage | None = None
        self._start_row = -1
        self._found: tuple[Sequence[Row], str, list[int]] = ((), "", [])

    def fill(self, *, force: bool = False) -> None:
        """Builds the page on top of the stack for the event that is shown, unless it is there already."""
        cursor, open_page = self._navigator.cursor, self._navigator.pages.top
        if cursor is None or open_page is None or not self.size.width:
            return
        if self._must_load(open_page.target.kind):
            return
        tall = open_page.target.kind in pages.TALL
        key = (open_page, cursor.n, self.size.width, self.size.height if tall else 0)
        if key == self._shown and not force:
            return
        opened = self._shown is None or self._shown[0] is not open_page
        if opened and self._shown is not None:
            self._shown[0].cursor_row = self.cursor_row
        self._shown = key
        if open_page.target.kind in pages.WITH_INPUTS:
            instance_inputs.ask(cursor.snapshot.state.domain, lambda: self.post_message(self.InputsRead()))
        if open_page.target.kind not in pages.SLOW:
            self._draw(build_page(cursor.snapshot, open_page.target, self._page_width, self.size.height), open_page)
            return
        if opened:
            self.title, self._drawn = open_page.target.kind, None
            self.show([row(("reading ...", "dim"))])
        self.run_worker(
            lambda: self._build(cursor, *key), thread=True, exclusive=True, group="page", exit_on_error=False
        )

    def _must_load(self, kind: str) -> bool:
        """Whether a page waits for a module, which is imported on another thread once the first screen answers keys."""
        module = pages.NEEDS.get(kind)
        if module is None or module in sys.modules:
            return False
        if not self.loads:
            self.loads = True
            self.title, self._shown, self._drawn = kind, None, None
            self.show([row(("reading ...", "dim"))])
            self.set_timer(LOAD_S, lambda: self._load(module))
        return True

    def _load(self, module: str) -> None:
        def load() -> None:
            importlib.import_module(module)
            self.post_message(self.Loaded())

        self.run_worker(load, thread=True, group="load", exit_on_error=False)

    def on_inspector_pane_loaded(self) -> None:
        """Draws the page that waited for a module."""
        self.loads = False
        self._fill_late()

    def on_resize(self) -> None:
        """Wraps the page to the new width."""
        super().on_resize()
        if self.resize_timer is not None:
            self.resize_timer.stop()
        self.resize_timer = self.set_timer(RESIZE_S, self._refill)

    def _refill(self) -> None:
        self.resize_timer = None
        self._fill_late()

    def _fill_late(self, *, force: bool = False) -> None:
        self.fill(force=force)
        self.post_message(self.Redrawn())

    @property
    def _page_width(self) -> int:
        return max(20, self.size.width - 1)

    def _build(self, cursor: RunCursor, open_page: OpenPage, n: int, width: int, height: int) -> None:
        from engine.queries.snapshot import Outline

        reader = cursor.source.new_reader()
        try:
            snapshot = RunSnapshot(reader, Outline(reader, cursor.run_id), n)
            page = build_page(snapshot, open_page.target, max(20, width - 1), height)
        finally:
            if reader is not cursor.source.reader:
                reader.close()
        self.post_message(self.Built(page, open_page, n))

    def on_inspector_pane_built(self, message: Built) -> None:
        """Draws a slow page, unless another one is shown by now."""
        if self._shown is not None and self._shown[:2] == (message.open_page, message.n):
            self._draw(message.page, message.open_page)
            self.post_message(self.Redrawn())

    def on_inspector_pane_inputs_read(self) -> None:
        """Draws a page that shows inputs again."""
        open_page = self._navigator.pages.top
        if open_page is not None and open_page.target.kind in pages.WITH_INPUTS:
            self._fill_late(force=True)

    def _draw(self, page: Page, open_page: OpenPage) -> None:
        """Draws a page. The cursor is where the user left it; until they moved it, at a match or where it starts."""
        same = self._drawn is open_page
        self.pinned, self.sought = page.pinned, open_page.sought
        if open_page.cursor_row is None or (same and self.cursor_row == self._start_row):
            found = matching(page.rows, self.sought) if self.sought else []
            at = found[0] if found else page.cursor_row
            self.show(page.rows, cursor_row=at)
            below = at >= self.size.height // 2
            self.scroll_to(y=at - 2 - page.pinned if below else 0, animate=False)
            self._start_row = self.cursor_row
        elif same:
            self.show(page.rows)
        else:
            self.show(page.rows, cursor_row=open_page.cursor_row)
            self._start_row = -1
        open_page.cursor_row = self.cursor_row
        self.title, self._drawn = page.title, open_page

    # -- searching the page -------------------------------------------------------------------------------------------

    @property
    def search_note(self) -> str:
        """What is searched for, and which of the matches the cursor is on or behind."""
        if not self.sought:
            return ""
        found = self._matches
        place = f"{bisect_right(found, self.cursor_row)} of {len(found)}" if found else "is not on this page"
        return f"/{self.sought}  {place}"

    def search(self, sought: str) -> None:
        """Marks `sought` on the page that is shown, and goes to its next match; empty ends the search."""
        if (open_page := self._navigator.pages.top) is None:
            return
        open_page.sought = self.sought = sought
        self.refresh()
        self.screen.refresh_bindings()
        if sought and self.cursor_row not in self._matches:
            self.action_match(1)

    def action_match(self, by: int) -> None:
        """Goes to the next match (1) or the one before (-1); behind the last one comes the first."""
        if not (found := self._matches):
            self.notify(f"“{sanitize(self.sought)}” is not on this page", severity="warning", markup=False)
            return
        after = bisect_right(found, self.cursor_row)
        before = after - 1 - (self.cursor_row in found)
        self._move_to(found[(after if by > 0 else before) % len(found)])
        self.post_message(self.Searched())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Leaves `n` and `N` to the screen where nothing is searched for."""
        return bool(self.sought) if action == "match" else super().check_action(action, parameters)

    @property
    def _matches(self) -> list[int]:
        rows, sought, found = self._found
        if rows is not self.rows or sought != self.sought:
            found = matching(self.rows, self.sought) if self.sought else []
            self._found = (self.rows, self.sought, found)
        return found


def build_page(snapshot: RunSnapshot, target: Target, width: int, height: int) -> Page:
    """A page; where the log is damaged, the page is the error."""
    try:
        return pages.build(snapshot, target, width, height)
    except SiaError as error:
        return Page(target.kind, wrap(str(error), width, "warn"))
