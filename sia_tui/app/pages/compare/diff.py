"""The difference between the harnesses of two candidates."""

from __future__ import annotations

from engine.queries.harness_diff import from_log
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.rows.diff import diff_rows
from sia_tui.app.rows.row import Page, Target, empty_page


def build(snapshot: RunSnapshot, target: Target, width: int) -> Page:
    """From candidate `target.first` to candidate `target.second`."""
    old, new = int(target.first), int(target.second)
    versions = snapshot.state.versions
    title = f"difference, candidate {old} to {new}"
    missing = [n for n in (old, new) if n not in versions]
    if missing:
        return empty_page(title, f"there is no candidate {missing[0]} at this event")
    rows = diff_rows(from_log(snapshot.reader, versions[old], versions[new]), width)
    return Page(title, rows) if rows else empty_page(title, "the harnesses are the same")
