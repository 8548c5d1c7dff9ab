"""A harness version: who made it and why, the tree of its files, and each file."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.model.snapshot import Moment
from sia_tui.app.pages.instance.trajectory import text_of
from sia_tui.app.rows.row import BLANK, Page, Row, Target, fact, heading, prose, row


def build(moment: Moment, target: Target, width: int) -> Page:
    """The harness of candidate `target.first`."""
    number = int(target.first)
    version = moment.state.versions.get(number)
    if version is None:
        return Page(f"harness {number}", [row((f"there is no candidate {number} at this event", "dim"))])
    rows: list[Row] = [
        fact("commit", version.commit, to=None),
        fact("author", version.author),
        *prose(version.reason, width),
        BLANK,
        heading("files", "enter opens one"),
        *_tree(version),
    ]
    numbers = {one.commit: n for n, one in moment.state.versions.items()}
    for parent in version.parents:
        if parent in numbers:
            rows += [BLANK, row((f"difference to candidate {numbers[parent]}", "accent"),
                                to=Target("diff", numbers[parent], number))]  # fmt: skip
    return Page(f"harness {number}", rows)


def _tree(version: t.HarnessWritten) -> list[Row]:
    rows: list[Row] = []
    shown: tuple[str, ...] = ()
    for path in sorted(version.files):
        *folders, name = path.split("/")
        for depth, folder in enumerate(folders):
            if tuple(folders[: depth + 1]) != shown[: depth + 1]:
                rows.append(row((f"{'  ' * depth}{folder}/", "dim")))
        shown = tuple(folders)
        rows.append(row(f"{'  ' * len(folders)}{name}", to=Target("file", version.number, path), copy=path))
    return rows


def file(moment: Moment, target: Target, width: int) -> Page:
    """File `target.second` of candidate `target.first`, with its line numbers."""
    version = moment.state.versions.get(int(target.first))
    name = version.files.get(str(target.second)) if version else None
    if name is None:
        return Page(str(target.second), [row(("not in this harness", "dim"))])
    rows: list[Row] = []
    for number, line in enumerate(text_of(moment, name).split("\n"), 1):
        first, *rest = prose(line, width - 5, "code")
        rows += [row((f"{number:>4} ", "dim"), *first.spans, copy=line), *(row("     ", *one.spans) for one in rest)]
    return Page(str(target.second), rows)
