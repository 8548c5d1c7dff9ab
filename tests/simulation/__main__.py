"""The long form: `python -m tests.simulation` plays histories, and says of one that fails how to play it again."""

from __future__ import annotations

import argparse
import contextlib
import functools
import multiprocessing
import os
import tempfile
import time

from tests.simulation.faults import PLANTED
from tests.simulation.seeds import played


def main() -> int:
    """Plays the seeds; returns how many of them fail."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=1000, help="how many seeds")
    parser.add_argument("--most", type=int, default=3, help="stop after so many failures")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="so many processes")
    parser.add_argument("--plant", choices=list(PLANTED), help="a fault to put into the engine")
    chosen = parser.parse_args()
    began, done, failed, deaths = time.perf_counter(), 0, 0, 0
    seeds = range(chosen.first, chosen.first + chosen.count)
    jobs = min(chosen.jobs, chosen.count)
    with contextlib.ExitStack() as end:
        # a process that began by a fork would share its chance with the others
        pool = end.enter_context(multiprocessing.get_context("spawn").Pool(jobs))
        one = functools.partial(played, fault=chosen.plant)
        for outcome in pool.imap(one, seeds, chunksize=min(8, 1 + chosen.count // jobs)):
            done, deaths = done + 1, deaths + outcome.deaths
            if outcome.broken:
                failed += 1
                print(outcome.broken, flush=True)
            if failed == chosen.most:
                break
    seconds = time.perf_counter() - began
    print(f"{done} histories with {deaths} deaths, {60 * done / seconds:,.0f} a minute; {failed} failed")
    return failed


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as state:
        os.environ["XDG_STATE_HOME"] = state  # what is remembered of workspaces is not the user's
        os.environ.setdefault("PYTHONHASHSEED", "0")  # of the processes that play: the order of a set is part of it
        failures = main()
    raise SystemExit(min(failures, 1))
