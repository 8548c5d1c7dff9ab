"""The end of a peer that writes programs; it runs in the peer's environment and imports nothing but Python.

The arena starts a driver with one line of JSON on its input:

    {"program": text of the start, "language": "python", "task": what the task is, "base_url": of the model's server,
     "score_url": of the scorer, "model": its name, "proposals": how many the server grants, "seed": a number,
     "folder": for what the peer writes}

A score is asked for with `{"program": text}` and is told as `{"score": NUMBER, "error": why it failed, or nothing}`.
The driver ends when the server grants no further proposal or the peer is done, and with all its processes where its
input ends, which is when the arena is gone. The last line of its errors says why it failed, and then its status is not
0.
"""

import json
import os
import signal
import sys
import threading
import urllib.request
from pathlib import Path
from types import SimpleNamespace

SPENT = "insufficient_quota"
"""The code of the error with which the server refuses a proposal beyond those that it grants."""
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def play(run):
    """Calls `run(told)` with what the arena said; `told.folder` is a path that exists."""
    os.dup2(2, 1)  # what a peer prints goes to its errors
    told = SimpleNamespace(**json.loads(sys.stdin.readline()))
    threading.Thread(target=_end_with_the_arena, daemon=True).start()
    told.folder = Path(told.folder)
    told.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(told.folder)
    try:
        run(told)
    except Exception as error:  # whatever a peer raises is its last word
        if SPENT in str(error):
            return
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")


def _end_with_the_arena():
    while os.read(0, 1):  # not by sys.stdin: its lock would be held in what a library forks
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def score(score_url, program):
    """The score of a program's text, and why it failed: empty where it did not."""
    body = json.dumps({"program": program}).encode()
    asked = urllib.request.Request(score_url, body, {"Content-Type": "application/json"})  # noqa: S310 - the arena's
    with _DIRECT.open(asked) as answer:
        said = json.load(answer)
    return float(said["score"]), said.get("error") or ""


def marked(program):
    """The program with the marks between which peers may change it: all of it, where it has none."""
    if "EVOLVE-BLOCK-START" in program:
        return program
    return f"# EVOLVE-BLOCK-START\n{program.rstrip()}\n# EVOLVE-BLOCK-END\n"


def evaluator(told, body):
    """Writes a module in the folder that has `score` and `SCORE_URL`, and does as `body` says; returns its path."""
    path = told.folder / "arena_evaluator.py"
    head = f"import sys\nsys.path.insert(0, {str(Path(__file__).resolve().parent)!r})\n"
    path.write_text(f"{head}from program_protocol import score\nSCORE_URL = {told.score_url!r}\n{body}")
    return path
