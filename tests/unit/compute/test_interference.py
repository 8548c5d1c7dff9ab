"""The kernel's counts of what others use: recorded contents of /proc/stat, and processes of this machine."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from engine.compute import interference
from engine.compute.interference import Counts

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STAT = b"""\
cpu  4790374 2655478 2485565 1886407 49422 3 27834 26411 70 5
cpu0 2303054 1322919 1232727 1071193 15393 1 1574 11995 70 0
cpu1 2487320 1332558 1252837 815214 34028 2 26259 14416 0 5
cpu12 7 0 0 0 0 0 0 0 0 0
intr 62797076 0 0
ctxt 9
"""


@pytest.mark.parametrize(
    ("processors", "ticks"),
    [
        ({0}, 2303054 + 1322919 + 1232727 + 1 + 1574 + 11995),
        ({1}, 2487320 + 1332558 + 1252837 + 2 + 26259 + 14416),
        ({12, 13}, 7),
        (set(), 0),
    ],
)
def test_work_and_steal_of_our_processors_count_and_idle_time_does_not(processors: set[int], ticks: int) -> None:
    assert interference.busy_s(STAT, frozenset(processors)) == pytest.approx(ticks * TICK_S)


def test_a_kernel_without_steal_counts_the_rest() -> None:
    assert interference.busy_s(b"cpu  1 1 1 5\ncpu0 1 1 1 5\n", frozenset({0})) == pytest.approx(3 * TICK_S)


def test_a_sandboxed_kernel_that_counts_nothing_shows_nobody() -> None:
    """As gVisor's, whose /proc/stat is all zeros."""
    assert interference.busy_s(b"cpu  0 0 0 0\ncpu0 0 0 0 0\n", frozenset({0})) == 0.0
    assert interference.share_of_others(Counts(at_s=1.0, busy_s=0.0, own_s=0.5, ran_s=1.0), 1) == 0.0


def test_what_a_tick_cannot_tell_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interference, "_processors", lambda: frozenset({0, 1}))
    one = Counts(at_s=0.03, busy_s=0.06, own_s=0.01, ran_s=0.05 - TICK_S)
    assert interference.share_of_others(one, 1) == 0.0
    assert interference.share_of_others(one._replace(ran_s=0.02), 1) > 0.2
    long = Counts(at_s=100.0, busy_s=120.0, own_s=10.0, ran_s=80.0)
    assert interference.share_of_others(long, 1) == pytest.approx(0.15, abs=1e-3)


def test_starting_and_stopping_is_no_waiting_for_others() -> None:
    spent = Counts(ran_s=0.05, waited_s=0.002)
    assert interference.share_waited(spent, 2) == 0.0
    assert interference.share_waited(spent._replace(waited_s=0.011), 2) == pytest.approx(0.009 / 0.061)
    assert interference.share_waited(Counts(), 2) == 0.0


def test_the_counts_of_this_machine_grow_with_its_work() -> None:
    read = interference.Reader(lambda: [os.getpid()])
    before = read()
    while (after := read()).ran_s < before.ran_s + 0.05:
        pass
    spent = Counts().plus(before, after)
    assert spent.at_s >= 0.04
    assert spent.own_s >= 0.04
    assert spent.busy_s >= 0.0
    assert spent.waited_s >= 0.0


def test_a_thread_that_has_ended_keeps_what_it_had() -> None:
    """Else it would seem that others had used it, at the moment at which a sandbox clears it away."""
    go, ended = threading.Event(), threading.Event()

    def work() -> None:
        while time.thread_time() < 0.05:
            pass
        go.set()
        ended.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    read = interference.Reader(lambda: [os.getpid()])
    assert go.wait(60)
    before = read()
    ended.set()
    thread.join()
    while Path(f"/proc/self/task/{thread.native_id}").exists():  # `join` returns before the kernel has cleared it away
        time.sleep(0.001)
    assert read().ran_s >= before.ran_s
    assert interference.Reader(lambda: [os.getpid()])().ran_s < before.ran_s


def test_without_schedstat_involuntary_switches_tell(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("7 (a (b) c) R 1 7 7 0 -1 0 0 0 0 0 30 12 5 6 20 0 1 0 99\n")
    (tmp_path / "status").write_text("Name:\tx\nvoluntary_ctxt_switches:\t900\nnonvoluntary_ctxt_switches:\t40\n")
    assert interference._of_thread(str(tmp_path)) == (pytest.approx(42 * TICK_S), pytest.approx(0.04))


def test_processes_that_have_ended_count_nothing() -> None:
    assert interference._of_threads(1 << 30) == {}
