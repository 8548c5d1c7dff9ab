"""Editing a harness in a scratch folder, with any editor: each save shows the difference."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Static

from engine.queries.harness_diff import of_files
from harness_repo.harness import Harness, HarnessInvalid, read_folder
from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.row import BLANK, Row, Target, heading, row
from sia_tui.app.rows.text import sanitize
from sia_tui.app.screens import outside
from sia_tui.app.screens.dialogs import Confirm
from sia_tui.app.widgets.lines import Lines


class Edited(NamedTuple):
    """An edited harness and its folder, which is kept until it has been used: nothing is lost if that fails."""

    folder: Path
    harness: Harness


_LOOK_MS = 500
"""What an editor changed before the folder is watched is seen within this time."""


class HarnessEditor(Screen[Edited | None]):
    """The files of `title`, and the difference so far; returns the edited harness, which is for `purpose`.

    Raises `SiaError` where a path of `files` could lead out of the scratch folder.
    """

    CSS = """
    HarnessEditor #head { height: auto; background: $panel; padding: 0 1; }
    HarnessEditor #keys { dock: bottom; height: auto; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit_folder", "Edit all"),
        Binding("f", "use", "Use"),
        Binding("escape,q", "cancel", "Cancel"),
    ]

    def __init__(self, title: str, files: Mapping[str, bytes], purpose: str) -> None:
        super().__init__()
        self._heading, self._files, self._purpose = title, dict(files), purpose
        outside.check_files(files, title)
        self._drawn: dict[str, bytes] = {}
        self.folder = Path(tempfile.mkdtemp(prefix="sia-edit-"))
        outside.write_files(self.folder, files)

    def compose(self) -> ComposeResult:
        """The folder, the list, and the keys."""
        yield Static(Text(f"{sanitize(self._heading)} in {self.folder}", style="bold"), id="head")
        yield Lines()
        keys = f"enter Edit a file · e Edit all · f {self._purpose} · esc Cancel"
        yield Static(Text(keys, style="dim"), id="keys")

    def on_mount(self) -> None:
        """Draws the files, and watches the folder."""
        self.refresh_files()
        self.query_one(Lines).focus()
        self.run_worker(self._watch(), exit_on_error=False)

    def on_unmount(self) -> None:
        """Removes the folder, also where the app ends, if nothing was changed in it."""
        if self.edited_files == self._files:
            shutil.rmtree(self.folder, ignore_errors=True)

    async def _watch(self) -> None:
        from watchfiles import awatch

        watched = awatch(self.folder, debounce=100, step=20, rust_timeout=_LOOK_MS, yield_on_timeout=True)
        async for _ in watched:
            if self.edited_files != self._drawn:
                self.refresh_files()

    @property
    def edited_files(self) -> dict[str, bytes]:
        """The files in the folder."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
        }

    def refresh_files(self) -> None:
        """Draws the files, whether they are a harness, and the difference."""
        edited = self._drawn = self.edited_files
        rows: list[Row] = [heading("files")]
        for path in sorted(self._files.keys() | edited.keys()):
            target = Target("file", path) if path in edited else None
            rows.append(row((f"{self._mark(path, edited)} ", "accent"), path, to=target))
        try:
            read_folder(self.folder)
        except (HarnessInvalid, OSError) as error:
            rows += [BLANK, row((f"not a harness: {error}", "bad"))]
        diff = diff_rows(of_files(self._files, edited), max(40, self.size.width - 2))
        rows += [BLANK, heading("difference"), *(diff or [row(("no changes yet", "dim"))])]
        lines = self.query_one(Lines)
        lines.show(rows, cursor_row=None if lines.rows else 1)

    def _mark(self, path: str, edited: Mapping[str, bytes]) -> str:
        """`+` added, `-` removed, `~` changed."""
        if path not in self._files or path not in edited:
            return "+" if path in edited else "-"
        return " " if edited[path] == self._files[path] else "~"

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Opens a file in the editor."""
        if message.row.target is not None:
            self._open(self.folder / str(message.row.target.first))

    def action_edit_folder(self) -> None:
        """Opens the folder in the editor."""
        self._open(self.folder)

    def _open(self, path: Path) -> None:
        outside.run(self, outside.editor(), [path])
        self.refresh_files()

    def action_use(self) -> None:
        """Returns the edited harness if it is valid and differs."""
        try:
            harness = read_folder(self.folder)
        except (HarnessInvalid, OSError) as error:
            self.notify(f"Not a harness: {sanitize(str(error))}", severity="error", markup=False)
            return
        if self.edited_files == self._files:
            self.notify("No changes yet", severity="warning")
            return
        self.dismiss(Edited(self.folder, harness))

    def action_cancel(self) -> None:
        """Closes the screen and removes the folder; asks first, and keeps the folder, if there are changes."""
        if self.edited_files == self._files:
            self.dismiss(None)
            shutil.rmtree(self.folder, ignore_errors=True)
            return

        def close(confirmed: bool | None) -> None:
            if confirmed:
                self.dismiss(None)

        self.app.push_screen(
            Confirm("Close without using the edited harness?", [f"the files stay in {self.folder}"]), close
        )
