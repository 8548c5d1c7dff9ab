"""What the runs of a log say of each commit, as git's notes: verdict, lever, reason, and score on `val`.

A function of the log, of which each call reads only what is new: a run of many generations does not read all of them
again after each.
"""

from __future__ import annotations

from engine.events import types as t
from engine.events.reader import GenerationRow, Reader, RunRow
from engine.plain import with_error
from harness_repo.notes import Notes
from harness_repo.objects import Written


class ScoreNotes:
    """The notes at the end of the log, whichever runs have written to it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._forget()

    def _forget(self) -> None:
        self._runs: dict[str, RunRow] = {}
        self._closed: dict[str, int] = {}
        self._reasons: dict[str, str] = {}
        self._judged: dict[str, dict[tuple[str, int], GenerationRow]] = {}
        self._notes = Notes()

    def catch_up(self) -> Written | None:
        """The commit of the notes, with the objects that no earlier call has returned; None where there are no notes.

        Where a run was removed meanwhile, all objects are returned again.
        """
        rows = {row.run: row for row in self._reader.runs()}
        if not all(run in rows and _is_continued(row, rows[run]) for run, row in self._runs.items()):
            self._forget()
        changed: set[str] = set()
        for row in rows.values():
            known = self._runs.get(row.run)
            if known is None or known.head_n != row.head_n:
                changed |= self._read(row, after=known.head_n if known else 0)
            if known and known.name != row.name:
                changed.update(commit for commit, by in self._judged.items() if any(run == row.run for run, _ in by))
        self._runs = rows
        written = self._notes.change({commit: self._text(commit) for commit in changed & self._judged.keys()})
        return written if self._judged else None

    def _read(self, row: RunRow, *, after: int) -> set[str]:
        """Reads what is new of a run; returns the commits that it is about."""
        changed: set[str] = set()
        for event in self._reader.of_type_in(row.run, t.HarnessWritten.type, after=after, until=row.head_n):
            if isinstance(version := event.payload, t.HarnessWritten):
                self._reasons[version.commit] = next(iter(version.reason.strip().splitlines()), "no reason given")
                changed.add(version.commit)
        for one in self._reader.generations_of(row.run, after=self._closed.get(row.run, 0)):
            if one.accepted is None:
                break  # generations are judged in order
            self._closed[row.run] = one.generation
            if one.val is not None and one.se is not None:
                self._judged.setdefault(one.harness, {})[row.run, one.generation] = one
                changed.add(one.harness)
        return changed

    def _text(self, commit: str) -> str:
        by_name = sorted((self._runs[run].name, n, one) for (run, n), one in self._judged[commit].items())
        return "".join(
            f"{name}, generation {n}: {'accepted' if one.accepted else 'rejected'}\n"
            f"    lever: {one.lever or 'none, the first harness'}\n"
            f"    reason: {self._reasons.get(commit, 'unknown')}\n"
            f"    val: {with_error(one.val or 0.0, one.se)}\n"
            for name, n, one in by_name
        )


def _is_continued(before: RunRow, now: RunRow) -> bool:
    """Whether the run of that id is the same still: one that was removed may have been imported again since."""
    same = (before.created_seq, before.created_at) == (now.created_seq, now.created_at)
    return same and now.head_n >= before.head_n
