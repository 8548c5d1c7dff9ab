"""The lineage pane: the runs of all open logs as a graph."""

from __future__ import annotations

from sia_tui.app.model.best_score import BestScores
from sia_tui.app.model.failures import KnownFailures
from sia_tui.app.model.lineage_graph import WAITS, PrivateChecks, RunNode, at_state, read_lineage, with_failures
from sia_tui.app.model.sources import WORKSPACE, Source
from sia_tui.app.navigator.navigator import Navigator
from sia_tui.app.rows.lineage_graph import graph_rows, legend
from sia_tui.app.rows.row import BLANK, Row, Target, row
from sia_tui.app.rows.text import wrap
from sia_tui.app.widgets.lines import Lines

WHAT_IS_SEEN = "A finished run: in each generation an agent changed the harness, and a gate judged the new score."


class LineagePane(Lines):
    """The graph. The cursor stays on its run or generation when rows are added or removed."""

    def __init__(self, navigator: Navigator) -> None:
        super().__init__()
        self._navigator = navigator
        self._checks: dict[Source, PrivateChecks] = {}
        self._best: dict[Source, BestScores] = {}
        self._failures = KnownFailures()
        self._drawn: object = None

    def fill(self) -> None:
        """Draws the selected run as it is at its event, the others as they are now, if any of that has changed."""
        if (shown := self._shown()) == self._drawn:
            return
        self._drawn = shown
        rows: list[Row] = []
        graph: list[RunNode] = []
        for source in self._navigator.sources:
            checks = self._checks.setdefault(source, PrivateChecks())
            best = self._best.setdefault(source, BestScores())
            read = read_lineage(source.reader, self._statuses, checks, best)
            nodes = [with_failures(self._at_cursor(source, node), self._failures.of(source, node.run)) for node in read]
            graph += nodes
            rows += [BLANK] if rows else []
            rows.append(row((source.label, "strong"), (f"  {source.note}", "dim")))
            rows += graph_rows(nodes, source.label, self._navigator.marks)
        rows[:0] = self._explained(graph)
        target = self.current.target if self.current else None
        index = next((i for i, one in enumerate(rows) if target and one.target == target), None)
        self.show(rows, cursor_row=index)

    def _shown(self) -> object:
        """All that the rows depend on, which is asked for each second; the logs by the number of their writes."""
        cursor = self._navigator.cursor
        logs = [(source.label, source.reader.data_version()) for source in self._navigator.sources]
        at = (cursor.source.label, cursor.run_id, cursor.n) if cursor else None
        return logs, at, self._navigator.status, self._statuses, list(self._navigator.marks), self.size.width

    def _explained(self, nodes: list[RunNode]) -> list[Row]:
        """What the marks mean; and what is seen at all, for a user who has no runs yet."""
        if not any(node.generations for node in nodes):
            return []
        own, width = self._navigator.sources.get(WORKSPACE), self.size.width or 60
        sentence = [] if own and own.reader.runs() else wrap(WHAT_IS_SEEN, max(20, width - 1), "accent")
        return [*sentence, legend(nodes)]

    @property
    def _statuses(self) -> dict[str, str]:
        live = self._navigator.live_runs
        return {**live.statuses, **{one.run: WAITS for one in live.waiting}}

    def _at_cursor(self, source: Source, node: RunNode) -> RunNode:
        cursor = self._navigator.cursor
        if cursor is None or cursor.source is not source or cursor.run_id != node.run.run:
            return node
        found = cursor.outline.progress(cursor.n)
        return at_state(node, cursor.snapshot.state, self._navigator.status or node.status, found)

    def select_row(self, target: Target | None) -> None:
        """Moves the cursor to the row of `target`, if there is one."""
        index = next((i for i, one in enumerate(self.rows) if target and one.target == target), None)
        if index is not None:
            self.action_go_to(index)
