"""What stands around the panes of the main screen, and the graph in the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sia_tui.app import keys
from sia_tui.app.model.sources import Source
from sia_tui.app.navigator import availability as whither
from sia_tui.app.rows import lineage
from sia_tui.app.rows.row import Row
from sia_tui.app.widgets.bars import Crumbs, KeyBar, ReplayBar, StatusLine
from sia_tui.app.widgets.lines import Lines, escaped

if TYPE_CHECKING:
    from sia_tui.app.screens.main import MainScreen


def bars(main: MainScreen) -> None:
    """The way at the top, the titles of the panes, and the lines at the foot."""
    shown = [key for key in keys.MAIN if key.shown]
    main.query_one(KeyBar).tell(
        [(main.sia.key_of(key), key.text, key.action, not main.why_not(key.action)) for key in shown]
    )
    watching = main.watching
    main.query_one(StatusLine).tell(watching, main.status, following=main.timeline.follow)
    if watching is None:
        main.query_one(Crumbs).tell(["sia"], "no runs yet: n starts one" if main.sia.opened else "reading ...")
        return
    main.set_class(watching.until is not None, "replay")
    if watching.until is not None:
        main.query_one(ReplayBar).tell(watching)
    main.query_one(Crumbs).tell(_way(main), _note(main))
    _entitle(main.inspector, main.inspector.title or "inspector")
    _entitle(main.timeline, f"timeline  {_filter_note(main)}".rstrip())


def graph(main: MainScreen) -> list[Row]:
    """The runs of all sources; the watched one as it is at its event."""
    rows: list[Row] = []
    for source in main.sia.sources.values():
        lines = [_line(main, source, line) for line in lineage.read(source.reader, main.roll.statuses)]
        if rows:
            rows.append(Row())
        rows.append(Row(((source.label, "strong"), (f"  {source.note}", "dim"))))
        rows += lineage.graph(lines, source.label, main.marks)
    return rows


def _line(main: MainScreen, source: Source, line: lineage.Line) -> lineage.Line:
    watching = main.watching
    if watching is None or watching.source is not source or watching.run != line.run.run:
        return line
    return lineage.at_event(line, watching.moment.state, main.status or line.status)


def _way(main: MainScreen) -> list[str]:
    watching = main.watching
    if watching is None:
        return []
    parts = [watching.source.label, watching.moment.state.name or watching.run]
    if main.generation:
        parts.append(f"generation {main.generation}")
    if main.pane == 1:
        parts.append("timeline")
    if main.pane == 2:
        pages = [whither.crumb(target) for target, _ in main.inspector.stack]
        parts += pages[1:] if pages[:1] in ([parts[-1]], ["run"]) else pages
    return parts


def _note(main: MainScreen) -> str:
    if main.status == "interrupted":
        return "interrupted: its engine is gone. p goes on with it"
    return main.sia.note or _filter_note(main)


def _filter_note(main: MainScreen) -> str:
    search = main.timeline.search
    if search is None or main.timeline.filter is None:
        return ""
    going = "" if search.done else f", {search.share:.0%} searched"
    return f"/{main.timeline.filter.text}  {len(main.timeline.rows):,} events{going}"


def _entitle(pane: Lines, title: str) -> None:
    """Sets a title only where it is another: it is drawn anew each time."""
    if pane.titled != title:
        pane.titled = title
        pane.border_title = escaped(title)
