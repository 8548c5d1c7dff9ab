"""What is wrong with instances is reported by id, place and count, and never by label."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from domains.contract import Instance, Split
from engine.grading.labels.facts import Facts, examine

LABELS = ("secret-a", "secret-b", "secret-c")


def splits(
    data: Any = lambda n, label: {"n": n}, name: Any = lambda split, n, label: f"{split}-{n}"
) -> dict[Split, Any]:
    """Six instances a split; `data` and `name` may tell the label."""
    made: dict[Split, Any] = {}
    for at, split in enumerate(("train", "val", "test")):
        numbers = range(10 * at, 10 * at + 6)
        made[split] = [  # type: ignore[index]
            Instance(name(split, n, LABELS[n % 3]), data(n, LABELS[n % 3]), LABELS[n % 3]) for n in numbers
        ]
    return made


def facts(made: dict[Split, Any], harness: dict[str, bytes] | None = None) -> Facts:
    found = examine(made, made, harness or {})
    assert b"secret" not in msgspec.json.encode(found)
    return found


def test_sound_instances_have_nothing_wrong() -> None:
    found = facts(splits(), {"agent.py": b"LABELS = ['secret-a', 'secret-b', 'secret-c']"})
    assert (found.shared_ids, found.shared_data, found.unstable) == ([], [], [])
    assert (found.leaks, found.in_harness, found.labelled) == ([], [], ["train", "val", "test"])


@pytest.mark.parametrize(
    ("data", "where", "exact"),
    [
        (lambda n, label: {"n": n, "answer": label}, "data['answer']", True),
        (lambda n, label: [n, {"deep": [label]}], "data[1]['deep'][0]", True),
        (lambda n, label: f"case {n} ({label})", "data", False),
    ],
)
def test_a_label_in_the_data_is_told_by_its_place(data: Any, where: str, exact: bool) -> None:
    (leak,) = facts(splits(data)).leaks
    assert (leak.where, leak.exact, leak.share) == (where, exact, 1.0)


def test_a_text_that_names_every_label_tells_nothing() -> None:
    assert facts(splits(lambda n, label: f"case {n}: {', '.join(LABELS)}?")).leaks == []


def test_labels_that_are_all_alike_cannot_be_told() -> None:
    made = {
        split: [Instance(f"{split}-{n}", {"n": f"{split}{n}", "is": "x"}, "x") for n in range(4)] for split in splits()
    }
    assert facts(made).leaks == []


def test_case_and_spaces_make_no_other_text() -> None:
    made = splits(lambda n, label: f"case {n}")
    made["val"][2] = Instance("val-2", "  CASE   3 ", "secret-a")
    assert facts(made).shared_data == ["train/train-3 = val/val-2"]


def test_data_that_changes_is_noticed() -> None:
    assert examine(splits(), {**splits(), "val": []}, {}).unstable == ["val"]


def test_a_harness_that_knows_cases_of_val_is_named() -> None:
    made = splits(lambda n, label: f"the long text of case {n}")
    told = facts(made, {"a.txt": b"the long text of case 12", "b.txt": b"the long text of case 2!", "c.bin": b"\xff"})
    assert told.in_harness == ["a.txt (1 data)"]


ROWS = [Instance(f"val-{n}", f"the text of case {n}", LABELS[n % 3]) for n in range(40)]
TELLING = {
    "a table": ("all.csv", "\n".join(f"{one.id},{one.label}" for one in ROWS)),
    "a table with the label first": ("all.csv", "\n".join(f"{one.label};{one.data}" for one in ROWS)),
    "one line of JSON": ("all.json", msgspec.json.encode({one.id: one.label for one in ROWS}).decode()),
    "lines of JSON": ("all.jsonl", "\n".join(msgspec.json.encode(one).decode() for one in ROWS)),
}
SILENT = {
    "texts without labels": ("all.txt", "\n".join(one.data for one in ROWS)),
    "a list of the labels": ("labels.txt", "\n".join(LABELS)),
    "a table of other labels": ("all.csv", "\n".join(f"{one.id},{LABELS[len(one.id) % 3]}" for one in ROWS)),
}


@pytest.mark.parametrize("way", [*TELLING, *SILENT])
def test_files_that_a_harness_may_read_and_that_tell_labels_are_named(tmp_path: Path, way: str) -> None:
    name, content = (TELLING | SILENT)[way]
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / name).write_text(content)
    made: dict[Split, Any] = {"train": [], "val": ROWS, "test": []}
    assert examine(made, made, {}, given=tmp_path).in_given == [f"more/{name}"] * (way in TELLING)


@pytest.mark.parametrize("sorted_by_label", [True, False])
def test_names_of_files_that_tell_labels_are_noticed(tmp_path: Path, sorted_by_label: bool) -> None:
    made: dict[Split, Any] = {"train": [], "val": [], "test": []}
    for n in range(30):
        label = LABELS[n % 3]
        made["val"].append(Instance(f"val-{n}", f"{n:05}.png", label))
        place = tmp_path / (label if sorted_by_label else "pictures")
        place.mkdir(exist_ok=True)
        (place / f"{n:05}.png").write_bytes(b"\x89PNG")
    assert examine(made, made, {}, given=tmp_path).in_given == ["names of its files"] * sorted_by_label
