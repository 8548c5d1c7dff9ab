"""A program and its score: the harness is the program, an instance is one input, the score rates the output.

To put your own problem here, write `make` (inputs), `check` (is the output allowed?) and `grade` (how good is it?).
"""

import hashlib
import random

from domains.contract import Grade, Instance, Summary

SIZES = {"train": 32, "val": 60, "test": 60}
CAPACITY = 100


class Boxes:
    """Inputs that never change: the number of an instance is the seed of its input."""

    def __init__(self):
        self.by_split = {split: [make(split, number) for number in range(size)] for split, size in SIZES.items()}

    def digest(self):
        return hashlib.sha256(repr(self.by_split).encode()).hexdigest()

    def instances(self, split):
        return self.by_split[split]

    def grade(self, instance, answer):
        problem = check(instance.data, answer)
        if problem:
            return Grade(score=0.0, detail=problem)
        least = bound(instance.data)
        return Grade(score=least / len(answer), detail=f"{len(answer)} boxes; no packing needs fewer than {least}")

    def summarise(self, split, graded):
        perfect = [row.instance.id for row in graded if row.grade.score == 1.0]
        large = [row.instance.id for row in graded if len(row.instance.data["sizes"]) > 60]
        return Summary(subsets={"more than 60 things": large, "provably best": perfect})

    def baselines(self, train, on):
        """The textbook method: the largest thing first, into the first box where it fits."""
        return {"first fit decreasing": [first_fit_decreasing(case.data) for case in on]}


def make(split, number):
    """The input of that number: 30 to 90 things, a few of them large."""
    draw = random.Random(f"boxes {split} {number}")
    sizes = [draw.randint(30, 70) if draw.random() < 0.4 else draw.randint(8, 45) for _ in range(draw.randint(30, 90))]
    return Instance(id=f"{split}-{number:02d}", data={"capacity": CAPACITY, "sizes": sizes})


def bound(data):
    """A lower bound on the number of boxes."""
    return -(-sum(data["sizes"]) // data["capacity"])


def check(data, answer):
    """What is wrong with a packing, in words; empty if it is valid. It accepts any value that a harness may return."""
    if not isinstance(answer, (list, tuple)) or not all(isinstance(box, (list, tuple)) for box in answer):
        return "the answer is no list of lists"
    packed = [thing for box in answer for thing in box]
    if not all(isinstance(thing, int) and not isinstance(thing, bool) for thing in packed):
        return "a box holds something that is no position"
    if sorted(packed) != list(range(len(data["sizes"]))):
        return "not every thing is in exactly one box"
    if not all(answer):
        return "a box is empty"
    if any(sum(data["sizes"][thing] for thing in box) > data["capacity"] for box in answer):
        return "a box is too full"
    return ""


def first_fit_decreasing(data):
    """A packing that uses at most about 2/9 more boxes than the best one."""
    boxes, room = [], []
    for thing in sorted(range(len(data["sizes"])), key=lambda thing: -data["sizes"][thing]):
        size = data["sizes"][thing]
        at = next((at for at, left in enumerate(room) if left >= size), None)
        if at is None:
            boxes.append([thing])
            room.append(data["capacity"] - size)
        else:
            boxes[at].append(thing)
            room[at] -= size
    return boxes


def load(data):
    """The domain; it needs no data."""
    return Boxes()
