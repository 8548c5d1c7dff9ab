"""A candidate that needs approval: its reason, what it newly asks for, and its difference to the incumbent."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import msgspec
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from engine.events import types as t
from engine.loop.approval import additions
from engine.queries.harness_diff import from_log
from harness_repo.harness import parse
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.row import BLANK, Row, heading, row
from sia_tui.app.rows.text import sanitize, wrap
from sia_tui.app.screens.dialogs import Prompt
from sia_tui.app.widgets.lines import Lines

LOOK_S = 0.5
"""Seconds between two looks at whether the candidate still waits."""
DONE: dict[t.Answer, str] = {"yes": "approved", "no": "declined", "edit": "replaced by an edit"}


class Decision(NamedTuple):
    """The user's answer, and the reason where it is a no."""

    answer: t.Answer
    reason: str


class ApprovalScreen(Screen[Decision | None]):
    """Shows the candidate, and returns the user's decision on it."""

    CSS = """
    ApprovalScreen #head { height: auto; background: $panel; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide('yes')", "Approve"),
        Binding("n", "decide('no')", "Decline"),
        Binding("e", "decide('edit')", "Edit"),
        Binding("escape,q", "dismiss(None)", "Later"),
    ]

    def __init__(self, snapshot: RunSnapshot, number: int) -> None:
        super().__init__()
        self._snapshot, self._number = snapshot, number
        self._held = snapshot.state.why_held(number)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """A candidate that was executed can no longer be edited."""
        return not (self._held and parameters == ("edit",))

    def compose(self) -> ComposeResult:
        """Which candidate it is, and the list."""
        name = sanitize(self._snapshot.state.name)
        held = self._held
        what = "has a gain that needs your approval" if held else "needs your approval"
        yield Static(Text(f"{name}: candidate {self._number} {what}", style="bold red" if held else "bold"), id="head")
        yield Lines()
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Reads the candidate, and looks from time to time whether it still waits."""
        self.set_interval(LOOK_S, self._look)
        self.query_one(Lines).show(candidate_rows(self._snapshot, self._number, max(40, self.size.width - 2)))
        self.query_one(Lines).focus()

    def _look(self) -> None:
        """Closes the page where the candidate waits no more, since somebody has decided elsewhere."""
        outline, commit = self._snapshot.outline, self._snapshot.state.versions[self._number].commit
        now = outline.at(outline.head)
        waits = now.awaiting == self._number and now.versions[self._number].commit == commit
        if waits or self.app.screen is not self:
            return
        given = (one.payload for one in reversed(outline.milestones) if isinstance(one.payload, t.ApprovalGiven))
        answer = next((one.answer for one in given if one.commit == commit), None)
        said = f"was {DONE[answer]} elsewhere" if answer else "waits no more"
        self.app.notify(f"Candidate {self._number} {said}", severity="warning", timeout=10, markup=False)
        self.dismiss(None)

    def action_decide(self, answer: t.Answer) -> None:
        """Returns the decision; asks for the reason of a no first."""
        if answer != "no":
            self.dismiss(Decision(answer, ""))
            return

        def decline(reason: str | None) -> None:
            if reason is not None:
                self.dismiss(Decision("no", reason))

        self.app.push_screen(Prompt("Why not? The agent reads it", "optional; enter Decline · esc Cancel"), decline)


def candidate_rows(snapshot: RunSnapshot, number: int, width: int) -> list[Row]:
    """Candidate `number` beside the incumbent."""
    state, blob = snapshot.state, snapshot.reader.blob
    candidate, incumbent = state.versions[number], state.versions[state.incumbent or 1]
    before, after = ({path: blob(name) for path, name in one.files.items()} for one in (incumbent, candidate))
    held = state.why_held(number)
    rows: list[Row] = [*wrap(held, width, "bad"), BLANK] if held else []
    rows += [*wrap(candidate.reason, width), BLANK]
    for kind, names in msgspec.to_builtins(additions(parse(before), parse(after))).items():
        if names:
            rows.append(row((f"new {kind}: {', '.join(names)}", "bad")))
    rows.append(heading("difference to the incumbent"))
    return [*rows, *diff_rows(from_log(snapshot.reader, incumbent, candidate), width)]
