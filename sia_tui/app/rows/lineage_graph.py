"""The lineage as a graph: a row a run, the rows of its generations below it, forks below the generation they left."""

from __future__ import annotations

from collections.abc import Sequence

from sia_tui.app.model.failures import sentence
from sia_tui.app.model.lineage_graph import WAITS, GenerationNode, RunNode
from sia_tui.app.rows.row import Row, Span, Target, Tone, row
from sia_tui.app.rows.units import format_duration, format_honest, format_score

_STATUS_TONES: dict[str, Tone] = {
    "running": "good",
    "interrupted": "bad",
    "failed": "bad",
    "paused": "warn",
    "stopped": "warn",
    WAITS: "warn",
}
_LEVERS = {"harness": " H", "weights": " W"}
_FIRST = " 1st"
_MEANINGS = {
    "+": "accepted", "-": "rejected", "?": "no verdict", "×": "refused", "!": "all failed",
    "1st": "first", "H": "harness", "W": "weights",
}  # fmt: skip
_MARK: Span = ("» ", "accent")


def run_target(label: str, run_id: str) -> Target:
    """The row of a run of the log with that label."""
    return Target("run", run_id, label)


def node_target(label: str, run_id: str, generation: int) -> Target:
    """The row of a generation of a run."""
    return Target("node", f"{run_id}:{generation}", label)


def run_and_generation(node: Target) -> tuple[str, int]:
    """The run id and the generation of a row made by `node_target`."""
    run_id, _, generation = str(node.first).rpartition(":")
    return run_id, int(generation)


def legend(nodes: Sequence[RunNode]) -> Row:
    """What the marks mean, of those that stand in the graph, the verdicts first; a row without a target."""
    generations = [one for node in nodes for one in node.generations]
    marks = {_mark(one)[0] for one in generations}
    levers = {_LEVERS.get(one.lever, _FIRST).strip() for one in generations}
    return row((" ".join(f"{mark} {meaning}" for mark, meaning in _MEANINGS.items() if mark in marks | levers), "dim"))


def graph_rows(nodes: Sequence[RunNode], label: str, marks: Sequence[Target] = ()) -> list[Row]:
    """The graph of the runs of one log."""
    known = {node.run.run for node in nodes}
    children: dict[str | None, list[RunNode]] = {}
    for node in nodes:
        children.setdefault(node.run.parent if node.run.parent in known else None, []).append(node)
    rows: list[Row] = []

    def draw(node: RunNode, indent: str) -> None:
        rows.append(_run_row(node, f"{indent[:-2]}├─" if indent else "", label, marks))
        inner = f"{indent}│ "
        pending = list(children.get(node.run.run, []))
        for generation in node.generations:
            rows.append(_generation_row(node, generation, inner, label, marks))
            for child in [one for one in pending if one.forked_in <= generation.n]:
                pending.remove(child)
                draw(child, inner)
        for child in pending:
            draw(child, inner)

    for root in children.get(None, []):
        draw(root, "")
    return rows


def _run_row(node: RunNode, branch: str, label: str, marks: Sequence[Target]) -> Row:
    target = run_target(label, node.run.run)
    spans: list[Span] = [(branch, "dim")]
    if target in marks:
        spans.append(_MARK)
    spans += [("● ", "title"), (node.run.name, "title")]
    if node.run.best is not None and not node.best_failed:  # its score says nothing
        spans.append((f" {format_score(node.run.best)}", ""))
        if node.best_honest is not None:
            spans.append((f" (honest {format_score(node.best_honest)})", ""))
    spans.append((f"  {node.status}", _STATUS_TONES.get(node.status, "dim")))
    return Row(tuple(spans), target, copy=node.run.name)


def _generation_row(node: RunNode, generation: GenerationNode, indent: str, label: str, marks: Sequence[Target]) -> Row:
    target = node_target(label, node.run.run, generation.n)
    glyph, tone = _mark(generation)
    so_far = generation.so_far or "..."
    failed = generation.failures
    # the pane is narrow, and what failed, or the honest score, weighs more
    error = generation.se if failed is None and generation.honest is None else None
    val = so_far if generation.val is None else format_score(generation.val, error, generation.units)
    spans: list[Span] = [(indent, "dim")]
    if target in marks:
        spans.append(_MARK)
    if failed is not None and failed.total:  # its score says nothing
        val = sentence(failed)
    spans += [(f"{glyph} {generation.n}", tone), (_LEVERS.get(generation.lever, _FIRST), "dim"), (f"  {val}", tone)]
    if generation.refused:
        spans.append((" refused", "bad"))
    if generation.val is not None and generation.honest is not None:
        spans.append((f"  {format_honest(generation.val, generation.honest)}", ""))
    if failed is not None and not failed.total:
        spans.append((f"  {sentence(failed)}", "bad"))
    if generation.wall_s is not None:
        spans.append((f"  {format_duration(generation.wall_s)}", "dim"))
    return Row(tuple(spans), target)


def _mark(generation: GenerationNode) -> tuple[str, Tone]:
    if generation.failures is not None and generation.failures.total:
        return "!", "bad"
    if generation.accepted is None:
        return "?", "accent"
    if generation.refused:
        return "×", "bad"
    return ("+", "good") if generation.accepted else ("-", "dim")
