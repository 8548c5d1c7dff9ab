"""Editing a harness: a scratch folder that any editor may change, watched, with the difference as it is saved."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from engine.queries.harness_diff import of_files
from harness_repo.harness import Harness, HarnessInvalid, read_folder
from sia_tui.app.pages.compare.diff import lay_out
from sia_tui.app.rows.row import BLANK, Row, Target, heading, row
from sia_tui.app.screens.questions import Confirm
from sia_tui.app.widgets.lines import Lines, harmless


class Edited(NamedTuple):
    """Where the edited harness lies; it stays there, so that nothing is lost if its use fails."""

    folder: Path
    harness: Harness


class EditScreen(Screen[Edited | None]):
    """The files, and below them what has changed so far; enter opens a file in `$EDITOR`."""

    CSS = """
    EditScreen #head { height: auto; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit_all", "Edit the folder"),
        Binding("f", "use", "Use it"),
        Binding("escape,q", "leave", "Leave"),
    ]

    def __init__(self, called: str, files: Mapping[str, bytes], use: str) -> None:
        super().__init__()
        self._called, self._files, self._use = called, dict(files), use
        self.folder = Path(tempfile.mkdtemp(prefix="sia-edit-"))
        for path, content in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)

    def compose(self) -> ComposeResult:
        """Where the files lie, and the list."""
        yield Static(
            Text(
                f"{harmless(self._called)} in {self.folder}\nenter: edit a file    f: {self._use}    esc: leave",
                style="bold",
            ),
            id="head",
        )
        yield Lines()
        yield Footer()

    def on_mount(self) -> None:
        """Shows the files, and watches the folder."""
        self.refresh_files()
        self.query_one(Lines).focus()
        self.run_worker(self._watch(), exit_on_error=False)

    async def _watch(self) -> None:
        from watchfiles import awatch

        async for _ in awatch(self.folder, debounce=100, step=20):
            self.refresh_files()

    @property
    def now(self) -> dict[str, bytes]:
        """The files as they are in the folder."""
        return {
            path.relative_to(self.folder).as_posix(): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and not path.name.startswith(".")
        }

    def refresh_files(self) -> None:
        """Draws what is there, what changed, and whether it is a harness."""
        now = self.now
        rows: list[Row] = [heading("files")]
        for path in sorted(self._files.keys() | now.keys()):
            mark = (
                " "
                if now.get(path) == self._files.get(path)
                else "+"
                if path not in self._files
                else "-"
                if path not in now
                else "~"
            )
            rows.append(row((f"{mark} ", "accent"), path, to=Target("file", path) if path in now else None))
        try:
            read_folder(self.folder)
        except (HarnessInvalid, OSError) as error:
            rows += [BLANK, row((f"not a harness: {error}", "bad"))]
        width = max(40, self.size.width - 2)
        changed = lay_out(of_files(self._files, now), width)
        rows += [BLANK, heading("what has changed"), *(changed or [row(("nothing yet", "dim"))])]
        self.query_one(Lines).show(rows, cursor=None if self.query_one(Lines).rows else 1)

    def _mark(self, path: str, now: Mapping[str, bytes]) -> str:
        """Added, removed, changed, or as it was."""
        if path not in self._files or path not in now:
            return "+" if path in now else "-"
        return " " if now[path] == self._files[path] else "~"

    def on_lines_chosen(self, message: Lines.Chosen) -> None:
        """Opens a file."""
        if message.row.target is not None:
            self._open(self.folder / str(message.row.target.first))

    def action_edit_all(self) -> None:
        """Opens the folder."""
        self._open(self.folder)

    def _open(self, place: Path) -> None:
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        try:
            with self.app.suspend():
                subprocess.run([*shlex.split(editor), str(place)], check=False)
        except (OSError, ValueError) as error:
            self.notify(f"{editor} cannot be started ({error}); set $EDITOR", severity="error", markup=False)
        except NotImplementedError:
            self.notify(
                f"no editor can be opened here; change the files in {self.folder}", severity="warning", markup=False
            )
        self.refresh_files()

    def action_use(self) -> None:
        """Goes on with the edited harness, if it is one and differs."""
        try:
            harness = read_folder(self.folder)
        except (HarnessInvalid, OSError) as error:
            self.notify(f"not a harness: {harmless(str(error))}", severity="error", markup=False)
            return
        if self.now == self._files:
            self.notify("nothing has changed yet", severity="warning")
            return
        self.dismiss(Edited(self.folder, harness))

    def action_leave(self) -> None:
        """Leaves; asks first where there is something to lose."""
        if self.now == self._files:
            self.dismiss(None)
            return

        def done(sure: bool | None) -> None:
            if sure:
                self.dismiss(None)

        self.app.push_screen(
            Confirm("Leave without using the edited harness?", [f"the files stay in {self.folder}"]), done
        )
