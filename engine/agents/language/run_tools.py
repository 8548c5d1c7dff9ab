"""The tools that sum up a run for an agent: their results are bounded in size, paged, and about `train` only.

What they sum up lies in full on the agent's desk (`desk`).

Results depend on answers and scores, never on run ids, event numbers, times or costs: in a fork or after a crash, an
agent must read the same text.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from engine.agents import merging
from engine.agents.archive import sentence
from engine.agents.language.toolbox import Arguments, ReadTool, page
from engine.agents.protocol import InvalidCall, View
from engine.agents.run_record import RunRecord
from engine.events import types as t
from engine.plain import decimal, plural

Number = Annotated[int, Meta(description="The candidate's number.", ge=1)]
Offset = Annotated[int, Meta(description="Where to read on, as the last page says.", ge=0)]
_BINS = 10


class _Of(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    candidate: Number


class _Listing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    candidate: Number
    only: Literal["all", "wrong", "right", "failed"] = "all"
    offset: Offset = 0


class _Diff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    old: Number
    new: Number
    offset: Offset = 0


class _Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    offset: Offset = 0


class _Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Cases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: Annotated[int, Meta(description="The number of the first case to show.", ge=0)] = 0
    count: Annotated[int, Meta(ge=1, le=50)] = 5


def of_run(view: View, record: RunRecord, size: int) -> list[ReadTool]:
    """The tools that sum up; a result has at most `size` characters, and says how to read on."""

    def answered(n: int) -> Sequence[t.InstanceFinished]:
        if found := record.train_results(n):
            return found
        raise InvalidCall(
            f"candidate {n} has not been executed; those that have been: {[past.n for past in view.past]}"
        )

    def files_of(n: int) -> Mapping[str, bytes]:
        if (found := record.files(n)) is not None:
            return found
        raise InvalidCall(f"there is no candidate {n}")

    def trajectories(args: _Listing) -> str:
        rows = [row for row in answered(args.candidate) if args.only in ("all", _verdict(row))]
        lines = [f"{row.instance}: {_outcome(row)}" for row in rows]
        return page(f"{len(rows)} of candidate {args.candidate}:\n" + "\n".join(lines), args.offset, size)

    def failures(args: _Of) -> str:
        failed = [row for row in answered(args.candidate) if row.failure]
        by_kind: dict[str, list[t.InstanceFinished]] = {}
        for row in failed:
            by_kind.setdefault(row.failure.kind if row.failure else "", []).append(row)
        lines = [f"{kind}: {len(rows)}, like " + "; ".join(map(_failed, rows[:3])) for kind, rows in by_kind.items()]
        return page("\n".join(lines) or "no instance of train failed", 0, size)

    def confusion(args: _Of) -> str:
        wrong = [row for row in answered(args.candidate) if not row.failure and row.score < 1]
        pairs = Counter((_short(record.train[row.instance].label, 60), row.answer[:60]) for row in wrong)
        lines = [f"{count} x expected {label}, given {answer}" for (label, answer), count in pairs.most_common(60)]
        return page("\n".join(lines) or "no answer of train scored below 1", 0, size)

    def rewards(args: _Of) -> str:
        return _histogram([row.score for row in answered(args.candidate)])

    def diff(args: _Diff) -> str:
        old, new = files_of(args.old), files_of(args.new)
        return page(_difference(args.old, old, args.new, new), args.offset, size)

    return [
        Arguments("list_candidates", "All candidates: scores, verdicts, what changed and why.", _Nothing).as_tool(
            lambda _: page(candidates(view, record), 0, size)
        ),
        Arguments("list_trajectories", "A candidate's answers on train, with scores.", _Listing).as_tool(trajectories),
        Arguments("count_failures", "A candidate's failures on train by kind, with examples.", _Of).as_tool(failures),
        Arguments("count_confusions", "Which labels of train got which wrong answers.", _Of).as_tool(confusion),
        Arguments("show_rewards", "A histogram of a candidate's scores on train.", _Of).as_tool(rewards),
        Arguments("show_diff", "What differs between the harnesses of two candidates.", _Diff).as_tool(diff),
    ]


def of_references(record: RunRecord, size: int) -> list[ReadTool]:
    """The tool that reads R, if there are references."""

    def reference(args: _Reference) -> str:
        if args.name not in record.references:
            raise InvalidCall(f"there is no reference {args.name!r}, but {', '.join(record.references)}")
        return page(record.references[args.name], args.offset, size)

    known = f"Material beside the task: {', '.join(record.references)}."
    return [Arguments("read_reference", known, _Reference).as_tool(reference)] if record.references else []


def of_train(record: RunRecord, size: int) -> ReadTool:
    """The tool that reads training cases."""
    cases = list(record.train.values())

    def read(args: _Cases) -> str:
        chosen = cases[args.first : args.first + args.count]
        each = max(200, size // max(1, len(chosen)))
        lines = [f"{case.id}: {_short(case.data, each)}\n  label: {_short(case.label, 200)}" for case in chosen]
        return page("\n".join(lines) or f"{plural(len(cases), 'case')}, numbered from 0", 0, 2 * size)

    return Arguments("read_train", f"Training cases with their labels; there are {len(cases)}.", _Cases).as_tool(read)


def candidates(view: View, record: RunRecord, size: int | None = None, *, brief: bool = False) -> str:
    """All judged candidates, and why the other attempts found none; with a `size`, so many characters of its end.

    `brief` leaves out what was found before each.
    """
    parts: list[str] = []
    length = 0
    for part in _backwards(view, record, brief=brief):
        parts.append(part)
        length += len(part)
        if size is not None and length >= size:
            break
    text = "\n".join(reversed(parts))
    return text if size is None else text[-size:]


def _backwards(view: View, record: RunRecord, *, brief: bool) -> Iterator[str]:
    """The parts of that text, the last first: of many candidates the newest are told."""
    yield from (f"an attempt after {view.generation} came to nothing: {_short(why, 300)}" for why in view.failed[::-1])
    made = {one.n: one for one in record.candidates()}
    for past in view.past[::-1]:
        train = [row.score for row in record.train_results(past.n)]
        scores = [f"val {past.val}"] if past.val else []
        scores += [f"train {decimal(sum(train) / len(train))} (n = {len(train)})"] if train else []
        line = f"{past.n}: {'; '.join([*([', '.join(scores)] if scores else []), past.verdict])}"
        one = made.get(past.n)
        if one is not None:
            line += f"\n   changed: {one.changed}; why: {_short(one.reason, 300)}"
            line += f"\n   found before: {_short(one.findings, 300)}" if one.findings and not brief else ""
            line += f"\n   expected on val: {one.expected_gain:+.4g}" if one.expected_gain is not None else ""
        yield line
    if told := sentence(merging.of_train(view, record), "candidate", merging.place(record)):
        yield f"Of train: {told}. Their harnesses know what the best one does not."
    yield f"The best so far is candidate {view.incumbent}."


def _verdict(row: t.InstanceFinished) -> str:
    return "failed" if row.failure else "right" if row.score >= 1 else "wrong"


def _outcome(row: t.InstanceFinished) -> str:
    return _failed(row) if row.failure else f"score {row.score:.4g}, answer {row.answer[:80]}"


def _failed(row: t.InstanceFinished) -> str:
    return f"{row.instance} {row.failure.kind}: {row.failure.message}" if row.failure else row.instance


def describe(record: RunRecord, n: int, row: t.InstanceFinished) -> str:
    """All about one answer on train: the case, the label, the answer, the grade, the log, the model calls."""
    case = record.train[row.instance]
    parts = [
        f"case {row.instance}: {_short(case.data, 1 << 20)}",
        f"label: {_short(case.label, 2000)}",
        _outcome(row) + (f"\n{row.detail}" if row.detail else ""),
    ]
    if log := record.log(row):
        parts.append(f"log:\n{log}")
    for place, exchange in enumerate(record.exchanges(n, row)):
        parts.append(f"model call {place}:\n{exchange.request}\nreply:\n{exchange.reply}")
    return "\n".join(parts)


def _histogram(scores: Sequence[float]) -> str:
    low, high = min(scores), max(scores)
    if low == high:
        return f"all {len(scores)} scores are {low:.4g}"
    width = (high - low) / _BINS
    counts = Counter(min(_BINS - 1, int((score - low) / width)) for score in scores)
    lines = [f"{low + place * width:.4g} to {low + (place + 1) * width:.4g}: {counts[place]}" for place in range(_BINS)]
    return f"{len(scores)} scores, mean {decimal(sum(scores) / len(scores))}\n" + "\n".join(lines)


def _difference(old: int, before: Mapping[str, bytes], new: int, after: Mapping[str, bytes]) -> str:
    lines: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        one, other = (
            side.get(path, b"").decode("utf-8", "replace").splitlines(keepends=True) for side in (before, after)
        )
        lines += difflib.unified_diff(one, other, f"{old}/{path}", f"{new}/{path}")
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines) or "they are equal"


def _short(value: object, most: int) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= most else f"{text[:most]} [… {plural(len(text) - most, 'more character')}]"
