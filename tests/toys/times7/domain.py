"""A domain small enough for tests: exact answers, and a harness whose skill is a tunable."""

from __future__ import annotations

import os
import time

from domains.contract import Grade, Instance, Summary

SIZES = {"train": (0, 60), "val": (100, 180), "test": (200, 240)}


class Times7:
    def digest(self):
        return "times7-1"

    def instances(self, split):
        low, high = SIZES[split]
        return [Instance(id=f"{split}-{x}", data=x, label=7 * x % 10) for x in range(low, high)]

    def grade(self, instance, answer):
        if answer == "hang the grader":
            time.sleep(3600)
        if answer == "kill the grader":
            os._exit(3)
        if answer == "make the grader raise":
            raise ValueError("asked to")
        right = answer == instance.label
        return Grade(score=float(right), detail=f"given {answer!r}, expected {instance.label}")

    def summarise(self, split, graded):
        return Summary(
            macro=None, subsets={"even x": [row.instance.id for row in graded if row.instance.data % 2 == 0]}
        )

    def baselines(self, train, on):
        return {"always 0": [0 for _ in on]}


def load(data):
    return Times7()
