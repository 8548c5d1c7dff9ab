"""What changed between two candidates' harnesses: side by side where there is room, else one under the other."""

from __future__ import annotations

import itertools

from rich.cells import chop_cells, set_cell_size

from engine.queries.harness_diff import from_log
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.rows.row import BLANK, Page, Row, Target, Tone, heading, prose, row
from sia_tui.app.widgets.lines import harmless

WIDE = 100


def build(moment: Moment, target: Target, width: int) -> Page:
    """From candidate `target.first` to candidate `target.second`."""
    old, new = int(target.first), int(target.second)
    versions = moment.state.versions
    title = f"difference, candidate {old} to {new}"
    missing = [n for n in (old, new) if n not in versions]
    if missing:
        return Page(title, [row((f"there is no candidate {missing[0]} at this event", "dim"))])
    text = from_log(moment.reader, versions[old], versions[new])
    return Page(title, lay_out(text, width) or [row(("the two harnesses are the same", "dim"))])


def lay_out(text: str, width: int) -> list[Row]:
    """A unified diff as rows."""
    return _side_by_side(text, width) if width >= WIDE else _unified(text, width)


def _tone(line: str) -> Tone:
    return (
        "add"
        if line.startswith("+")
        else "del"
        if line.startswith("-")
        else "hunk"
        if line.startswith("@@")
        else "code"
    )


def _unified(text: str, width: int) -> list[Row]:
    rows: list[Row] = []
    for line in text.split("\n") if text else []:
        if line.startswith("diff --git "):
            rows += [*([BLANK] if rows else []), heading(line.partition(" b/")[2])]
        elif not line.startswith(("--- ", "+++ ", "index ", "new file", "deleted file")):
            rows += prose(line, width, _tone(line))
    return rows


def _side_by_side(text: str, width: int) -> list[Row]:
    rows: list[Row] = []
    half = (width - 3) // 2
    left: list[str] = []
    right: list[str] = []

    def settle() -> None:
        for before, after in itertools.zip_longest(left, right):
            rows.extend(_pair(before, after, half))
        left.clear()
        right.clear()

    for line in text.split("\n") if text else []:
        if line.startswith("diff --git "):
            settle()
            rows += [*([BLANK] if rows else []), heading(line.partition(" b/")[2])]
        elif line.startswith(("--- ", "+++ ", "index ", "new file", "deleted file")):
            continue
        elif line.startswith("-"):
            left.append(line[1:])
        elif line.startswith("+"):
            right.append(line[1:])
        else:
            settle()
            if line.startswith("@@"):
                rows.append(row((line, "hunk")))
            else:
                rows += _pair(line[1:], line[1:], half, changed=False)
    settle()
    return rows


def _pair(before: str | None, after: str | None, half: int, *, changed: bool = True) -> list[Row]:
    pieces = [chop_cells(harmless(side), half) or [""] if side is not None else [] for side in (before, after)]
    tones: tuple[Tone, Tone] = ("del", "add") if changed else ("code", "code")
    return [
        row(
            (set_cell_size(one or "", half), tones[0]), (" │ ", "dim"), (other or "", tones[1]),
            copy=after if after is not None else before or "",
        )
        for one, other in itertools.zip_longest(*pieces)
    ]  # fmt: skip
