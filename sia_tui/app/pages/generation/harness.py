"""A harness version: its author and reason, the tree of its files, and each file."""

from __future__ import annotations

from engine.events import types as t
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.blob import blob_text
from sia_tui.app.rows.code import code_lines, language_of
from sia_tui.app.rows.row import BLANK, Page, Row, Target, empty_page, field, heading, row
from sia_tui.app.rows.text import fold, wrap


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """The harness of candidate `target.first`."""
    number, versions = int(target.first), snapshot.state.versions
    version = versions.get(number)
    if version is None:
        return empty_page(f"harness {number}", f"there is no candidate {number} at this event")
    rows: list[Row] = [
        field("commit", version.commit),
        field("author", version.author),
        *wrap(version.reason, width),
        BLANK,
        heading("files", "enter opens one"),
        *_tree(version),
    ]
    numbers = {one.commit: n for n, one in versions.items()}
    for parent in version.parents:
        if parent in numbers:
            target = Target("diff", numbers[parent], number)
            rows += [BLANK, row((f"difference to candidate {numbers[parent]}", "accent"), to=target)]
    return Page(f"harness {number}", rows)


def _tree(version: t.HarnessWritten) -> list[Row]:
    rows: list[Row] = []
    opened: tuple[str, ...] = ()
    for path in sorted(version.files):
        *folders, name = path.split("/")
        for depth, folder in enumerate(folders):
            if tuple(folders[: depth + 1]) != opened[: depth + 1]:
                rows.append(row((f"{'  ' * depth}{folder}/", "dim")))
        opened = tuple(folders)
        rows.append(row(f"{'  ' * len(folders)}{name}", to=Target("file", version.number, path), copy=path))
    return rows


def build_file(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """File `target.second` of candidate `target.first`, with line numbers."""
    path = str(target.second)
    version = snapshot.state.versions.get(int(target.first))
    name = version.files.get(path) if version else None
    if name is None:
        return empty_page(path, "this harness has no such file")
    rows: list[Row] = []
    for number, line in enumerate(code_lines(blob_text(snapshot, name), language_of(path)), 1):
        first, *rest = fold(line, width - 5)
        rows.append(row((f"{number:>4} ", "dim"), *first.spans, copy=first.copy))
        rows += [row("     ", *one.spans, copy=one.copy) for one in rest]
    return Page(path, rows)
