"""The progress of a run in words: what it is doing, how far it is, and how long that will take.

`now_us` is the time by the clock, or that of the event where a past one is shown (microseconds since 1970).
"""

from __future__ import annotations

from engine.grading.live_work import Work
from engine.plain import plural, with_error
from engine.queries.progress.progress import Doing, Progress

DOING: dict[Doing, str] = {
    "baseline": "baselines",
    "write": "first harness",
    "prepare": "preparing",
    "execute": "Execution",
    "analyse": "Analysis",
    "improve": "Improvement",
    "train": "training",
    "test": "sealed test",
    "server": "waiting for the server of",
    "approval": "waiting for you",
    "": "",
}
_UNITS: dict[Doing, str] = {"improve": "probes"}
BAR_WIDTH = 8
LONG_US = 1_000_000
"""A call of a model is named once it has taken so long: many end sooner, and would flicker."""


def clock(seconds: float) -> str:
    """A duration in whole seconds."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} m"
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


def phase(found: Progress) -> str:
    """Generation and step: `gen 2/8 Execution`."""
    where = f"gen {found.generation}/{found.generations}" if found.generation and found.generations else ""
    return " ".join(part for part in (where, DOING[found.doing], found.server) if part)


def amount(found: Progress) -> str:
    """What is done of all: `612/1,268`, `3/12 probes`, `3 results`, `round 3/8`; empty where nothing is counted."""
    if found.doing == "train":
        number = min(found.done + 1, found.total or found.done + 1)
        return f"round {number:,}/{found.total:,}" if found.total else f"round {number:,}"
    unit = _UNITS.get(found.doing, "")
    if found.total:
        return f"{found.done:,}/{found.total:,} {unit}".rstrip()
    if found.done and unit:
        return f"{found.done:,} {unit}"
    if found.done and found.doing in ("prepare", "execute", ""):
        return plural(found.done, "result")
    return f"{found.calls:,} {'call' if found.calls == 1 else 'calls'}" if found.calls else ""


def waited(found: Progress, now_us: int) -> str:
    """For how long a server has been waited for; empty where none is."""
    return clock((now_us - found.since) / 1e6) if found.doing == "server" else ""


def work(found: Work, now_us: int) -> str:
    """What a step does at this moment: `calling MODEL · 12 s`, once that takes long, or `answers: 612/1,068`."""
    calls = found.calls
    if calls is not None and now_us - calls.since >= LONG_US:
        many = f"{calls.count:,} calls of" if calls.count > 1 else "calling"
        return f"{many} {calls.model} · {clock((now_us - calls.since) / 1e6)}"
    return f"{found.what}: {found.done:,}/{found.total:,}" if found.what else ""


def bar(share: float | None, width: int = BAR_WIDTH) -> str:
    """A bar of `width` cells; empty where the share is not known."""
    if share is None:
        return ""
    full = round(share * width)
    return "█" * full + "░" * (width - full)


def elapsed_s(found: Progress, now_us: int) -> float | None:
    """Seconds since the step began; None where no step is open."""
    return max(0.0, (now_us - found.begun) / 1e6) if found.begun else None


def step_time(found: Progress, at_us: int, now_us: int) -> str:
    """How long the step will take, else how long it has taken so far; `at_us` is the time of the newest event."""
    waited = max(0.0, (now_us - at_us) / 1e6)
    if found.left_s is not None and found.left_s > waited:
        return f"{clock(found.left_s - waited)} left"
    elapsed = elapsed_s(found, now_us)
    return "" if elapsed is None else f"{clock(elapsed)} so far"


def run_time(found: Progress, at_us: int, now_us: int) -> str:
    """How long the run will take, `>` where parts of that are not known; empty where nothing of it is."""
    if found.run_left_s is None or not found.doing or found.doing == "test":
        return ""
    waited = max(0.0, (now_us - at_us) / 1e6) if found.doing != "approval" else 0.0
    left_s = max(0.0, found.run_left_s - min(waited, found.left_s or 0.0))
    if found.run_known:
        return f"run {clock(left_s)} left"
    return f"run > {clock(left_s)} left" if round(left_s) else ""


def score(found: Progress) -> str:
    """The score so far; empty where there is none."""
    if found.score is None:
        return ""
    name = "best probe " if found.doing in ("improve", "train") else ""
    return f"{name}{with_error(found.score.score, found.score.se, found.score.n)}"


def so_far(found: Progress) -> str:
    """How far an Execution is, with its score so far: `0.2190 ± 0.0130 at 612/1,268`; empty before it begins."""
    if found.doing not in ("prepare", "execute", "server", "") or not amount(found):
        return ""
    parts = [f"{score(found)} at {amount(found)}" if found.score else amount(found), failures(found)]
    return ", ".join(part for part in parts if part)


def failures(found: Progress) -> str:
    """How many of the results failed; empty where none did."""
    return f"{found.failed:,} failed" if found.failed else ""
