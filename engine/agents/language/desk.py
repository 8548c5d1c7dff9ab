"""The files of an Improvement: all that an agent may read, as a tree, each made when it is read.

TASK.md, references/         the task in its author's words, and what lies beside it
CANDIDATES.md                all candidates: what is told of their scores, verdicts, changes and reasons
candidates/g2/harness/...    the files of candidate 2; ABOUT.md: what it came from, with what findings, and its verdict
train/cases.jsonl            the labelled cases
train/g2/SCORES.tsv          what candidate 2 did on its sample of them, a line for each
train/g2/ID.0.txt            the same in full: the case, the label, the answer, the grade, the log, the model calls
train/BEST.tsv               the candidates that are best on each case, a line each
merged/g2-g3/harness/...     candidates 2 and 3 merged, where they changed different lines of the one they came from

Everything is about `train`: a record holds no instance of `val` or `test`. Equal runs have equal files.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import msgspec

from engine.agents import merging
from engine.agents.archive import Archive
from engine.agents.language import run_tools
from engine.agents.protocol import PastGeneration, Tree, View
from engine.agents.run_record import Candidate, RunRecord
from engine.events import types as t
from engine.plain import decimal

_NAME = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST = 100
_MERGES = 3


def tree(record: RunRecord, view: View | None = None) -> Tree:
    """The files; without a `view`, before the first candidate, only the task, its references and its cases."""
    made: dict[str, Callable[[], bytes]] = {"TASK.md": lambda: _bytes(record.task)}
    for name, content in record.references.items():
        made[f"references/{name}"] = partial(_bytes, content)
    made["train/cases.jsonl"] = lambda: b"".join(_cases(record))
    if view is None:
        return made
    made["CANDIDATES.md"] = lambda: _bytes(run_tools.candidates(view, record))
    made["train/BEST.tsv"] = lambda: _best(merging.of_train(view, record))
    for merge in merging.merges(view, record, most=_MERGES):
        for path, merged in merge.harness.files.items():
            made[f"merged/g{merge.one}-g{merge.other}/harness/{path}"] = partial(bytes, merged)
    past = {one.n: one for one in view.past}
    for one in record.candidates():
        made[f"candidates/g{one.n}/ABOUT.md"] = partial(_about, one, past.get(one.n), record)
        for path in record.files(one.n) or {}:
            made[f"candidates/g{one.n}/harness/{path}"] = partial(_file, record, one.n, path)
    for n in past:
        rows = record.train_results(n)
        names = _names(rows)
        made[f"train/g{n}/SCORES.tsv"] = partial(_table, rows, names)
        for row, name in zip(rows, names, strict=True):
            made[f"train/g{n}/{name}"] = partial(_trajectory, record, n, row)
    return made


def _best(found: Archive) -> bytes:
    lines = ["id\tbest candidates"]
    lines += [f"{instance}\t{' '.join(f'g{n}' for n in winners)}" for instance, winners in found.leaders.items()]
    return _bytes("\n".join(lines) + "\n")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _file(record: RunRecord, n: int, path: str) -> bytes:
    return (record.files(n) or {})[path]


def _trajectory(record: RunRecord, n: int, row: t.InstanceFinished) -> bytes:
    return _bytes(run_tools.describe(record, n, row))


def _about(one: Candidate, past: PastGeneration | None, record: RunRecord) -> bytes:
    lines = [f"candidate {one.n}", f"changed: {one.changed}", f"why: {one.reason}"]
    if one.findings:
        lines.append(f"findings: {one.findings}")
    if one.expected_gain is not None:
        lines.append(f"expected gain on val: {one.expected_gain:+g}")
    if past is not None:
        train = [row.score for row in record.train_results(one.n)]
        lines += [f"val: {past.val}"] if past.val else []
        lines += [f"train: {decimal(sum(train) / len(train))} (n = {len(train)})"] if train else []
        lines += [f"made by the lever {past.lever}"] if past.lever else []
        lines.append(f"verdict: {past.verdict}")
    return _bytes("\n".join(lines) + "\n")


def _cases(record: RunRecord) -> Iterator[bytes]:
    for case in record.train.values():
        yield msgspec.json.encode({"id": case.id, "data": _plain(case.data), "label": _plain(case.label)}) + b"\n"


def _plain(value: object) -> object:
    try:
        msgspec.json.encode(value)
    except (TypeError, ValueError, UnicodeEncodeError):
        return repr(value)
    return value


def _names(rows: Sequence[t.InstanceFinished]) -> list[str]:
    """File names of these results, each its own."""
    taken: set[str] = set()
    names = []
    for row in rows:
        name = whole = f"{_NAME.sub('_', row.instance)[:_LONGEST]}.{row.repeat}"
        while name.lower() in taken:
            name = f"{whole}-{len(taken)}"
        taken.add(name.lower())
        names.append(f"{name}.txt")
    return names


def _table(rows: Sequence[t.InstanceFinished], names: list[str]) -> bytes:
    lines = ["file\tid\tscore\tanswer or failure"]
    for row, name in zip(rows, names, strict=True):
        text = f"{row.failure.kind}: {row.failure.message}" if row.failure else row.answer
        lines.append(f"{name}\t{row.instance}\t{row.score:.6g}\t{' '.join(text.split())[:200]}")
    return _bytes("\n".join(lines) + "\n")
