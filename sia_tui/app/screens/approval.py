"""A candidate that waits for a word: its reason, what it newly asks for, its difference; yes, no, or an edit."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from engine.events import types as t
from engine.loop.approval import newly_asked
from engine.queries.harness_diff import from_log
from harness_repo.harness import parse
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.compare.diff import lay_out
from sia_tui.app.rows.row import BLANK, Row, heading, prose, row
from sia_tui.app.screens.questions import Prompt
from sia_tui.app.widgets.lines import Lines, harmless


class Word(NamedTuple):
    """A person's answer and the reason for it."""

    answer: t.Answer
    reason: str


class WordScreen(Screen[Word | None]):
    """Everything that a word should rest on."""

    CSS = """
    WordScreen #head { height: auto; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('yes')", "Execute it"),
        Binding("n", "answer('no')", "Decline"),
        Binding("e", "answer('edit')", "Edit it first"),
        Binding("escape,q", "dismiss(None)", "Later"),
    ]

    def __init__(self, moment: Moment, number: int) -> None:
        super().__init__()
        self._moment, self._number = moment, number

    def compose(self) -> ComposeResult:
        """Who waits, and the list."""
        name = harmless(self._moment.state.name)
        yield Static(Text(f"{name}: candidate {self._number} waits for a word", style="bold"), id="head")
        yield Lines()
        yield Footer()

    def on_mount(self) -> None:
        """Reads the candidate."""
        self.query_one(Lines).show(_rows(self._moment, self._number, max(40, self.size.width - 2)))
        self.query_one(Lines).focus()

    def action_answer(self, answer: t.Answer) -> None:
        """Asks for the reason of a no; a yes and an edit need none."""
        if answer != "no":
            self.dismiss(Word(answer, ""))
            return

        def said(reason: str | None) -> None:
            if reason is not None:
                self.dismiss(Word("no", reason))

        self.app.push_screen(Prompt("why not? the agent reads it", "empty is allowed; esc goes back"), said)


def _rows(moment: Moment, number: int, width: int) -> list[Row]:
    state, blob = moment.state, moment.reader.blob
    version, old = state.versions[number], state.versions[state.incumbent or 1]
    before, after = ({path: blob(name) for path, name in one.files.items()} for one in (old, version))
    rows: list[Row] = [*prose(version.reason, width), BLANK]
    for what, names in msgspec.to_builtins(newly_asked(parse(before), parse(after))).items():
        if names:
            rows.append(row((f"newly asked {what}: {', '.join(names)}", "bad")))
    return [*rows, heading("difference to the incumbent"), *lay_out(from_log(moment.reader, old, version), width)]
