"""Classifying texts: data/train.jsonl, val.jsonl and test.jsonl, each line an id, a text and its label.

Put your own rows there and rewrite task.md. As long as an answer is right or wrong, nothing here has to change.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

from domains.contract import DataInvalid, Grade, Instance, Summary

DATA = Path(__file__).parent / "data"


class Texts:
    """The three files as splits."""

    def __init__(self, folder):
        self.files = {split: read(folder / f"{split}.jsonl") for split in ("train", "val", "test")}
        self.by_split = {split: instances(text, split) for split, text in self.files.items()}

    def digest(self):
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()

    def instances(self, split):
        return self.by_split[split]

    def grade(self, instance, answer):
        right = isinstance(answer, str) and answer == instance.label
        return Grade(score=float(right), detail=f"given {answer!r}, expected {instance.label!r}")

    def summarise(self, split, graded):
        """The accuracy of each label, and their mean: a rare label counts as much as a frequent one."""
        by_label = {}
        for row in graded:
            by_label.setdefault(row.instance.label, []).append(row)
        accuracies = [sum(row.grade.score for row in rows) / len(rows) for rows in by_label.values()]
        subsets = {label: [row.instance.id for row in rows] for label, rows in sorted(by_label.items())}
        return Summary(macro=sum(accuracies) / len(accuracies), subsets=subsets)

    def baselines(self, train, on):
        """The most frequent label. Add the best method that you have today: results are shown beside it."""
        most = Counter(case.label for case in train).most_common(1)[0][0]
        return {f"always {most}": [most for _ in on]}


def read(path):
    """The text of a data file; raises `DataInvalid` with one sentence if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataInvalid(f"{path} cannot be read ({error}); a classification needs it") from None


def instances(text, split):
    """The instances of a file, one a line."""
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=once)
            if not isinstance(row["text"], str):
                raise TypeError
            found.append(Instance(id=name(row["id"]), data=row["text"], label=name(row["label"])))
        except (ValueError, KeyError, TypeError, RecursionError):
            raise DataInvalid(
                f"line {number} of {split}.jsonl is no object with an id, a text and a label; correct it"
            ) from None
    return found


def once(pairs):
    """A JSON object, each of whose keys must stand there once."""
    if len(table := dict(pairs)) < len(pairs):
        raise ValueError
    return table


def name(value):
    """An id or a label: text, or a whole number."""
    if type(value) not in (str, int):
        raise TypeError
    return str(value)


def load(data):
    """The domain on `data`, the folder that --data names, or on the data in this folder."""
    return Texts(data or DATA)
