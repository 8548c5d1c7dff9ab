"""The peer's end of the line protocol; it runs in the peer's environment and imports nothing but Python.

The first line from the arena is the task: `space`, `start` with its `score`, `seed`, `budget`. Then the peer says
`{"ask": VALUES}`, with the tunables that have an effect at least, and is told `{"score": NUMBER}`, higher is better,
until the arena ends it.
"""

import json
import os
import sys


def serve(make):
    """Talks for the object that `make(task)` returns: `ask()` gives values, `tell(values, score)` takes their score."""
    words = os.fdopen(os.dup(1), "w", buffering=1)  # what a peer prints goes to its errors, not among our lines
    os.dup2(2, 1)
    peer = make(json.loads(sys.stdin.readline()))
    while True:
        values = peer.ask()
        words.write(json.dumps({"ask": {name: _plain(value) for name, value in values.items()}}) + "\n")
        line = sys.stdin.readline()
        if not line:
            return
        peer.tell(values, json.loads(line)["score"])


def active(space, values):
    """Whether each tunable has an effect under `values`."""
    return {
        name: all(values.get(other) in allowed for other, allowed in tunable["when"].items())
        for name, tunable in space.items()
    }


def in_order(space):
    """The tunables, each after those that it depends on."""
    waiting, ordered = dict(space), []
    while ready := [name for name, tunable in waiting.items() if not set(tunable["when"]) & set(waiting)]:
        ordered += [(name, waiting.pop(name)) for name in ready]
    return ordered


def _plain(value):
    return value.item() if hasattr(value, "item") else value
