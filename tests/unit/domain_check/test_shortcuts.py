"""`sia check` as an adversary: what ids, order, length and near-duplicates tell, and what another process says."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Instance
from engine.domain_check import determinism, instances, shortcuts, surface
from engine.domain_check.assessor import Assessor
from engine.domain_check.finding import Finding
from engine.domain_check.templates import create
from engine.evaluation.evaluate import Grading
from engine.grading.client import Grader
from engine.grading.labels import near_duplicates
from engine.grading.loader import find
from engine.sandbox import Isolation

Row = dict[str, str]
Change = Callable[[str, list[Row]], list[Row]]
SPLITS = ("train", "val", "test")


Check = Callable[[Assessor], Awaitable[list[Finding]]]


def check(folder: Path, *checks: Check) -> dict[str, Finding]:
    """The findings of these checks, by name, with the domain in its process."""

    async def go() -> list[Finding]:
        grader = Grader(find(str(folder)))
        assessor = Assessor(Grading(grader, None, Isolation.unsafe(), 1))
        try:
            return [finding for one in checks for finding in await one(assessor)]
        finally:
            await grader.close()

    return {one.check: one for one in asyncio.run(go())}


async def duplicates(assessor: Assessor) -> list[Finding]:
    return [await instances.check_near_duplicates(assessor.grader, lambda _: None)]


async def predictors(assessor: Assessor) -> list[Finding]:
    return [one async for one in shortcuts.check_shortcuts(assessor, lambda _: None)]


async def processes(assessor: Assessor) -> list[Finding]:
    val = await assessor.grader.instances("val")
    return [await determinism.check_determinism(assessor, {("val", item.id): "billing" for item in val[:6]})]


def changed(folder: Path, change: Change) -> Path:
    """The template for classification, with other rows."""
    create(folder, "classify")
    for split in SPLITS:
        path = folder / "data" / f"{split}.jsonl"
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(f"{json.dumps(row)}\n" for row in change(split, rows)))
    return folder


def sort_by_label(split: str, rows: list[Row]) -> list[Row]:
    rows = sorted(rows, key=lambda row: row["label"])
    return [row | {"id": f"{split}-{number:03d}"} for number, row in enumerate(rows)]


def name_by_label(split: str, rows: list[Row]) -> list[Row]:
    labels = sorted({row["label"] for row in rows})
    return [row | {"id": f"{split}-{4 * at + labels.index(row['label'])}"} for at, row in enumerate(rows)]


def deal_in_turn(split: str, rows: list[Row]) -> list[Row]:
    random.Random(split).shuffle(rows)
    by_label = {label: [row for row in rows if row["label"] == label] for label in sorted({r["label"] for r in rows})}
    least = min(map(len, by_label.values()))
    dealt = [by_label[label][at] for at in range(least) for label in by_label]
    return [row | {"id": f"{split}-{random.Random(row['text']).getrandbits(64):x}"} for row in dealt]


def pad_by_label(split: str, rows: list[Row]) -> list[Row]:
    labels = sorted({row["label"] for row in rows})

    def padded(row: Row) -> Row:
        noise = f"{random.Random(row['text']).getrandbits(800):x}"
        return row | {"text": f"{row['text']} {noise}"[: 160 + 9 * labels.index(row["label"])]}

    return [padded(row) for row in rows]


def space_by_label(split: str, rows: list[Row]) -> list[Row]:
    labels = sorted({row["label"] for row in rows})

    def spaced(row: Row) -> Row:
        return row | {"text": row["text"] + " " * ((labels.index(row["label"]) - len(row["text"])) % 4)}

    return [spaced(row) for row in rows]


TRAIN: list[Row] = []


def copy_with_a_typo(split: str, rows: list[Row]) -> list[Row]:
    if split == "train":
        TRAIN[:] = rows
    elif split == "val":
        for at in range(60):
            text = TRAIN[at]["text"]
            middle = len(text) // 2
            copied = {"text": f"{text[:middle]}{text[middle + 1 :].upper()}", "label": TRAIN[at]["label"]}
            rows[at] |= copied
    return rows


@pytest.mark.parametrize(
    ("change", "expected", "least"),
    [
        pytest.param(sort_by_label, {"id alone": "fail", "order alone": "fail"}, 0.85, id="sorted by labels"),
        pytest.param(name_by_label, {"id alone": "fail"}, 0.9, id="numbers that say the label", marks=pytest.mark.slow),
        pytest.param(
            deal_in_turn, {"order alone": "fail"}, 0.9, id="labels in turn, under random ids", marks=pytest.mark.slow
        ),
        pytest.param(pad_by_label, {"length alone": "warn"}, 0.9, id="padded by label", marks=pytest.mark.slow),
        pytest.param(
            space_by_label, {"length alone": "warn"}, 0.9, id="spaces at the end by label", marks=pytest.mark.slow
        ),
        pytest.param(
            copy_with_a_typo, {"near-duplicates": "warn", "neighbour alone": "warn"}, 0.5, id="copies with a typo"
        ),
    ],
)
def test_a_shortcut_is_found_with_the_score_that_it_reaches(
    tmp_path: Path, change: Change, expected: dict[str, str], least: float
) -> None:
    found = check(changed(tmp_path / "task", change), duplicates, predictors)
    assert {name: one.status for name, one in found.items() if one.status != "pass"} == expected
    if "near-duplicates" in expected:
        near = found["near-duplicates"]
        assert near.measures["val compared with train"] == 240 and 60 <= near.measures["val in train"] <= 64
        assert "val/val-0" in near.sentence and " ~ train/train-0" in near.sentence
    for name in expected.keys() - {"near-duplicates"}:
        assert found[name].measures["score"] >= least > found[name].measures["constant"] + 0.1
        assert f"{found[name].measures['score']:.4f} ± " in found[name].sentence
        assert found[name].remedy


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("        return self.by_split[split]", "        return list(set(self.by_split[split]))", "another order"),
        (
            "        right = isinstance(answer, str) and answer == instance.label",
            "        right = hash(answer) % 97",
            "another grade to the answer to val/val-",
        ),
        (
            "        right = isinstance(answer, str) and answer == instance.label",
            "        self.asked = getattr(self, 'asked', 0) + 1\n        right = self.asked > 3",
            "another grade to the answer to val/val-",
        ),
    ],
)
def test_what_another_process_says_otherwise_is_found(tmp_path: Path, old: str, new: str, says: str) -> None:
    folder = changed(tmp_path / "task", lambda _, rows: rows)
    text = (folder / "domain.py").read_text()
    assert old in text
    (folder / "domain.py").write_text(text.replace(old, new))
    found = check(folder, processes)["determinism"]
    assert found.status == "fail"
    assert says in found.sentence


def labelled(values: list[Any]) -> tuple[list[Instance], shortcuts.Labels]:
    return [Instance(str(at), "x" * at) for at in range(len(values))], shortcuts.read_labels(values)


def test_labels_that_are_numbers_are_predicted_as_numbers() -> None:
    items, labels = labelled([3 * at for at in range(100)])
    assert (labels.kind, labels.constant) == ("numbers", 150)
    rows = surface.read_lengths(items)
    guessed = shortcuts.predict(labels, rows, rows[10:90])
    assert all(isinstance(one, int) and abs(one - 3 * at) < 12 for at, one in enumerate(guessed, 10))


@pytest.mark.parametrize("values", [[f"text {at}" for at in range(40)], [[at, {"a": at}] for at in range(40)]])
def test_labels_that_neither_repeat_nor_count_are_only_copied(values: list[Any]) -> None:
    _, labels = labelled(values)
    scores = {"constant": [0.0] * 40, "neighbour": [0.0] * 40, "duplicate": [0.0] * 40}
    said = {one.check: one.sentence for one in shortcuts.judge(scores, labels, 0)}
    assert labels.kind == "others" and "does not apply" in said["id alone"] and "copying" in said["neighbour alone"]


def test_a_domain_without_labels_is_told_that_no_predictor_applies(tmp_path: Path) -> None:
    create(tmp_path / "task", "program")
    assert (
        "do not apply: instances of train have no labels" in check(tmp_path / "task", predictors)["shortcuts"].sentence
    )


def test_a_comparison_that_takes_too_long_ends_and_says_how_far_it_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "PATIENCE_S", 0.0)
    many = [Instance(f"id-{at}", f"the text with number {at * at}") for at in range(1_000)]
    found = near_duplicates.compare("val", many, "train", many)
    assert (found.of, found.compared, found.found) == (1_000, 128, 128)


def test_of_many_and_long_instances_a_part_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near_duplicates, "MOST", 50)
    many = [Instance(f"id-{at}", {"text": f"{at} " * 10_000, "more": [at] * 10_000}) for at in range(200)]
    found = near_duplicates.compare("val", many, "train", many)
    assert (found.of, found.compared, found.found) == (200, 50, 50)
    assert len(near_duplicates.text(many[3].data)) == near_duplicates.LETTERS
