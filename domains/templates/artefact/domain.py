"""A text that a checker accepts or not: the harness writes it, and the checker lists what is wrong with it.

To put your own text here, write `make` (the request) and `problems` (the checker). A checker never runs what it is
given, and accepts any value that a harness may return.
"""

import hashlib
import random

from domains.contract import Grade, Instance, Summary

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NAMES = (
    "ada",
    "bo",
    "cem",
    "dee",
    "eli",
    "fay",
    "gus",
    "hal",
    "ivy",
    "jo",
    "kai",
    "lea",
    "max",
    "nia",
    "oli",
    "pam",
    "quy",
    "ron",
    "sue",
    "tom",
)
SIZES = {"train": 60, "val": 150, "test": 100}
IN_A_ROW = 2


class Rotas:
    """Requests that never change; for each of them there is a rota that is accepted."""

    def __init__(self):
        self.by_split = {split: [make(split, number) for number in range(size)] for split, size in SIZES.items()}

    def digest(self):
        return hashlib.sha256(repr(self.by_split).encode()).hexdigest()

    def instances(self, split):
        return self.by_split[split]

    def grade(self, instance, answer):
        found = problems(instance.data, answer)
        told = "; ".join(found[:5]) or "accepted"
        return Grade(score=float(not found), detail=told, measures={"problems": float(len(found))})

    def summarise(self, split, graded):
        tight = [row.instance.id for row in graded if len(row.instance.data["people"]) == 6]
        return Summary(subsets={"six people": tight})

    def baselines(self, train, on):
        """Each shift goes to the available people with the fewest shifts so far."""
        return {"least busy first": [least_busy_first(case.data) for case in on]}


def make(split, number):
    """The request of that number, derived from a random rota that fulfils it."""
    draw = random.Random(f"rota {split} {number}")
    names = sorted(draw.sample(NAMES, draw.randint(6, 9)))
    working = {name: [] for name in names}
    for day in range(len(DAYS)):
        free = [name for name in names if working[name][-IN_A_ROW:] != [day - 2, day - 1]]
        for name in draw.sample(free, min(len(free), draw.randint(2, 4))):
            working[name].append(day)
    people = {}
    for name in names:
        free = [day for day in range(len(DAYS)) if day not in working[name]]
        people[name] = [DAYS[day] for day in sorted(draw.sample(free, len(free) - draw.choice([0, 0, 1])))]
        if draw.random() < 0.25:
            people[name] = people[name][:1]
    shifts = {day: sum(at in days for days in working.values()) for at, day in enumerate(DAYS)}
    most = max(map(len, working.values()))
    return Instance(id=f"{split}-{number:03d}", data={"people": people, "shifts": shifts, "most": most})


def problems(data, answer):
    """Everything that is wrong with a rota, a sentence each; empty if it is accepted."""
    if not isinstance(answer, str):
        return ["the answer is no text"]
    working = {name: [] for name in data["people"]}
    found = []
    for line in answer.strip().splitlines()[:200]:
        day, _, name = line.strip().partition(",")
        if day not in DAYS or name not in working:
            found.append(f"{line[:40]!r} is no day and name")
        elif day in working[name]:
            found.append(f"{name} is there twice on {day}")
        else:
            working[name].append(day)
            if day in data["people"][name]:
                found.append(f"{name} cannot work on {day}")
    for day, needed in data["shifts"].items():
        there = sum(day in days for days in working.values())
        if there != needed:
            found.append(f"{day} has {there} people and needs {needed}")
    for name, days in working.items():
        if len(days) > data["most"]:
            found.append(f"{name} has {len(days)} shifts")
        row = "".join("x" if day in days else "." for day in DAYS)
        if "x" * (IN_A_ROW + 1) in row:
            found.append(f"{name} works more than {IN_A_ROW} days in a row")
    return found


def least_busy_first(data):
    """A rota that gives every shift to the available people with the fewest shifts so far."""
    count = dict.fromkeys(data["people"], 0)
    lines = []
    for day, needed in data["shifts"].items():
        able = [name for name in count if day not in data["people"][name]]
        for name in sorted(able, key=lambda name: (count[name], name))[:needed]:
            count[name] += 1
            lines.append(f"{day},{name}")
    return "\n".join(lines)


def load(data):
    """The domain; it needs no data."""
    return Rotas()
