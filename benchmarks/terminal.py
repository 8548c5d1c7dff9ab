"""The app on a long run, beside the least that a Textual app can be: starting, keys, filter, memory, idling, live.

    python -m benchmarks.terminal [--events 1000000] [--rounds 5] [--workspace DIR]

Both run in a pseudo-terminal of 160x50, in turns. Times are those at which output came, up to the end of the frame
that shows what a key does. Without --workspace a run is made up for the occasion; the last measurement lets it grow.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.pseudo_terminal import PseudoTerminal
from benchmarks.synthetic import write
from engine.events.reader import Reader

BARE = [sys.executable, "-m", "benchmarks.bare"]
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
"""Sources are compiled once and for all, as after an installation, whatever the environment says."""
EVENT = re.compile(r"[│ ]([\d,]+) \d\d:\d\d:\d\d ")
KEYS, JUMPS, RATE = 40, 10, 1000
SETTLED_S, IDLE_S, LONGEST_S = 1.5, 10.0, 120.0
WAY, TITLES = 0, 1
"""Lines of the screen: where one is, and the titles of the panes."""
EVENTS = (45, 60, 75)
"""Columns of the screen that lie in the list of events."""
COMMON, RARE = "failed:verifier", "no-such-word"
"""A filter with matches everywhere, and one that must look at every event."""


class Row(NamedTuple):
    """A line of the table. With a `bare` figure the bar is on the ratio, else on the figure."""

    what: str
    unit: str
    sia: float
    bare: float | None = None
    bar: float | None = None

    def __str__(self) -> str:
        judged = self.sia / self.bare if self.bare is not None else self.sia
        bare = f"{self.bare:9.1f}" if self.bare is not None else " " * 9
        ratio = f"{judged:6.2f}" if self.bare is not None else " " * 6
        held = "" if self.bar is None else f"{self.bar:6g}  {'holds' if judged <= self.bar else 'BROKEN'}"
        return f"{self.what:<52} {self.sia:9.1f} {bare} {self.unit:<4} {ratio} {held}".rstrip()


class Timings:
    """What the rounds have measured so far, in milliseconds."""

    def __init__(self) -> None:
        self.paint: list[float] = []
        self.start: list[float] = []
        self.key: list[float] = []
        self.jump: list[float] = []


def measure_bare(found: Timings) -> None:
    """Start and keys of the bare app."""
    with PseudoTerminal(BARE, env=COMPILED) as terminal:
        found.paint.append(1e3 * (terminal.until(lambda shown: "pressed 0." in shown.text) - terminal.began))
        terminal.watch(SETTLED_S)
        found.key += [changed(terminal, "x", lambda shown: shown.lines[0]) for _ in range(KEYS)]


def measure_sia(workspace: Path, found: Timings, *, jumps: int) -> None:
    """Start, cursor and jumps of the app."""
    with looking_at(workspace) as terminal:
        found.paint.append(1e3 * (terminal.until(lambda shown: bool(events(shown))) - terminal.began))
        found.start.append(found.paint[-1] + focus(terminal, "l"))
        terminal.watch(SETTLED_S)
        terminal.press("k")  # off the end of a run that may grow
        terminal.watch(SETTLED_S)
        found.key += [cursor(terminal, "k") for _ in range(KEYS)]  # one way: there and back again may look like nothing
        found.jump += there_and_back(terminal, run_head(workspace), jumps)


def looking_at(workspace: Path) -> PseudoTerminal:
    """The app on `workspace`."""
    return PseudoTerminal([sys.executable, "-m", "sia_tui", "--workspace", str(workspace)], env=COMPILED)


def events(shown: PseudoTerminal) -> list[int]:
    """The numbers of the events whose rows are on the screen."""
    return [int(found[1].replace(",", "")) for line in shown.lines if (found := EVENT.search(line))]


def cursor(terminal: PseudoTerminal, key: str) -> float:
    """Milliseconds from a key that moves the cursor until the list, or the title of what it is on, looks otherwise."""
    return changed(terminal, key, lambda shown: (looks(shown), shown.lines[TITLES]))


def focus(terminal: PseudoTerminal, key: str) -> float:
    """Milliseconds from a key that leads to another pane until the way at the top says so."""
    return changed(terminal, key, lambda shown: shown.lines[WAY])


def changed(terminal: PseudoTerminal, key: str, what: Callable[[PseudoTerminal], object]) -> float:
    """Milliseconds from a key until `what` is another."""
    terminal.catch_up()
    before = what(terminal)
    at = terminal.press(key)
    return 1e3 * (terminal.until(lambda shown: what(shown) != before) - at)


def looks(shown: PseudoTerminal) -> list[tuple[object, ...]]:
    """Text and colours down the list of events."""
    return [tuple(shown.screen.buffer[y][x]) for y in range(2, shown.screen.lines - 3) for x in EVENTS]


def jump(terminal: PseudoTerminal, key: str, n: int) -> float:
    """Milliseconds from a key until the list shows event `n`."""
    terminal.catch_up()
    at = terminal.press(key)
    return 1e3 * (terminal.until(lambda shown: n in events(shown)) - at)


def there_and_back(terminal: PseudoTerminal, head: int, times: int) -> list[float]:
    """Milliseconds of each jump to the end of a run of `head` events, from its beginning."""
    found = []
    for _ in range(times):
        jump(terminal, "g", 1)
        found.append(jump(terminal, "G", head))
    return found


def measure_filter(workspace: Path, key_ms: float) -> Iterator[Row]:
    """A filter with matches everywhere; one without any, and keys while that one works."""
    with looking_at(workspace) as terminal:
        terminal.until(lambda shown: bool(events(shown)))
        focus(terminal, "l")
        terminal.watch(SETTLED_S)
        at = filtered(terminal, COMMON)
        yield Row("filter: first matches", "ms", 1e3 * (terminal.until(matching) - at))
        terminal.until(lambda shown: searched(shown, COMMON), LONGEST_S)
        keys: list[float] = []
        at = filtered(terminal, RARE)
        while not searched(terminal, RARE):
            keys.append(focus(terminal, "hl"[len(keys) % 2]))
        yield Row("filter: key to paint while it works", "ms", statistics.median(keys), key_ms, 3)
        yield Row("filter: all events searched", "ms", 1e3 * (time.monotonic() - at))


def matching(shown: PseudoTerminal) -> bool:
    """Whether the list shows matches of `COMMON`, and nothing else."""
    rows = [line for line in shown.lines if EVENT.search(line)]
    return bool(rows) and all("verifier" in row for row in rows)


def searched(shown: PseudoTerminal, text: str) -> bool:
    """Whether the filter `text` has come to the end."""
    return f"/{text}" in shown.lines[TITLES] and "% searched" not in shown.lines[TITLES]


def filtered(terminal: PseudoTerminal, text: str) -> float:
    """Types a filter; returns when it was sent off."""
    terminal.press("/")
    terminal.watch(0.5)
    terminal.press(text)
    terminal.until(lambda shown: text in shown.text)
    return terminal.press("\r")


def measure_rest(workspace: Path) -> list[Row]:
    """Memory after much moving about, and what idling costs."""
    with looking_at(workspace) as terminal:
        terminal.until(lambda shown: bool(events(shown)))
        focus(terminal, "l")
        there_and_back(terminal, run_head(workspace), JUMPS)
        for _ in range(20):
            terminal.press("\x02")  # a page back
            terminal.watch(0.1)
        terminal.watch(SETTLED_S)
        before, began = cpu_s(terminal), time.monotonic()
        time.sleep(IDLE_S)
        idle = (cpu_s(terminal) - before) / (time.monotonic() - began)
        return [Row("peak memory", "MB", peak_mb(terminal), bar=300), Row("CPU while idle", "%", 100 * idle, bar=1)]


def cpu_s(terminal: PseudoTerminal) -> float:
    """CPU seconds that the program has used."""
    fields = Path(f"/proc/{terminal.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_mb(terminal: PseudoTerminal) -> float:
    """The most memory that the program has had resident, in MB."""
    status = Path(f"/proc/{terminal.process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


@contextlib.contextmanager
def growing(workspace: Path) -> Iterator[None]:
    """An engine appends to the run meanwhile."""
    command = [sys.executable, "-m", "benchmarks.synthetic", "--workspace", str(workspace), "--live", str(RATE)]
    engine = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        head = run_head(workspace)
        while run_head(workspace) == head:
            time.sleep(0.1)
        yield
    finally:
        engine.terminate()
        engine.wait()


def run_head(workspace: Path) -> int:
    """The number of the run's last event."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return reader.find("last").head_n


def measure(workspace: Path, rounds: int) -> Iterator[Row]:
    """All rows of the table."""
    measure_bare(Timings())  # so that both are compiled
    measure_sia(workspace, Timings(), jumps=0)
    bare, sia = Timings(), Timings()
    for _ in range(rounds):
        measure_bare(bare)
        measure_sia(workspace, sia, jumps=JUMPS)
    middle = statistics.median
    yield Row("start until the first paint with the run's events", "ms", middle(sia.paint), middle(bare.paint), 1.5)
    yield Row("start until it answers keys / first paint", "ms", middle(sia.start), middle(bare.paint), 1.5)
    yield Row("key to paint: cursor", "ms", middle(sia.key), middle(bare.key), 3)
    yield Row("key to paint: to the end", "ms", middle(sia.jump), middle(bare.key), 3)
    yield from measure_filter(workspace, middle(bare.key))
    yield from measure_rest(workspace)
    bare, sia = Timings(), Timings()
    with growing(workspace):
        before, began = run_head(workspace), time.monotonic()
        for _ in range(rounds):
            measure_bare(bare)
            measure_sia(workspace, sia, jumps=0)
        rate = (run_head(workspace) - before) / (time.monotonic() - began)
    yield Row(f"key to paint: cursor, {rate:.0f} events a second", "ms", middle(sia.key), middle(bare.key), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workspace", type=Path, help="of benchmarks.synthetic; it is made if it is not there")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = chosen.workspace or Path(folder) / "workspace"
        if not workspace.exists():
            write(workspace, chosen.events)
        print(f"{run_head(workspace):,} events, {chosen.rounds} rounds; medians")
        print(f"{'':<52} {'sia':>9} {'bare':>9} {'':<4} {'ratio':>6} {'bar':>6}")
        for row in measure(workspace, chosen.rounds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
