"""Opening what a page shows in a program of the user's: an editor, a pager, a difftool."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from engine.events import types as t
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.row import Target
from sia_tui.app.rows.text import plain_text
from sia_tui.app.screens import outside
from sia_tui.app.screens.main import MainScreen


async def open_page(main: MainScreen) -> None:
    """A difference opens in the difftool, files and texts in the editor, else in the pager. All are read-only."""
    cursor, target = main.navigator.cursor, main.navigator.pages.target
    if cursor is None or target is None:
        return
    if target.kind == "diff" and (tool := await asyncio.to_thread(outside.difftool)):
        sides = [_harness(cursor.snapshot, number) for number in (target.first, target.second)]
        places = [outside.read_only(files, "the harness") for files in sides]
        outside.run(main, tool, places)
        return
    files = _files(cursor.snapshot, target) or {_name(main): _text(main).encode("utf-8", "surrogateescape")}
    folder = outside.read_only(files, "the harness")
    outside.run(main, outside.viewer(), [_place(folder, files)])


def _place(folder: Path, files: Mapping[str, bytes]) -> Path:
    """The file, if it is one alone; else the folder."""
    return folder / next(iter(files)) if len(files) == 1 else folder


def _files(snapshot: RunSnapshot, target: Target) -> dict[str, bytes]:
    """The files that the page is about; none where it is about something else, whose text is opened instead."""
    if target.kind == "harness":
        return _harness(snapshot, target.first)
    if target.kind == "file":
        path = str(target.second)
        return {name: content for name, content in _harness(snapshot, target.first).items() if name == path}
    if target.kind == "blob":
        return {f"{str(target.first)[:12]}.txt": snapshot.reader.blob(str(target.first))}
    return {}


def _harness(snapshot: RunSnapshot, number: int | str) -> dict[str, bytes]:
    version: t.HarnessWritten | None = snapshot.state.versions.get(int(number))
    return {path: snapshot.reader.blob(name) for path, name in version.files.items()} if version else {}


def _name(main: MainScreen) -> str:
    kind = main.navigator.pages.target.kind if main.navigator.pages.target else "page"
    return f"{kind}.{'diff' if kind == 'diff' else 'txt'}"


def _text(main: MainScreen) -> str:
    return plain_text(main.inspector.rows)
