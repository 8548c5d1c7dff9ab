"""The first message of a short conversation: the task, what was tried, the files, and what the best one did."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.agents import merging
from engine.agents.archive import sentence
from engine.agents.language import memory, run_tools, surroundings
from engine.agents.language.brief.tried import tried
from engine.agents.protocol import AgentTools, Surroundings, View
from engine.agents.run_record import RunRecord

_ANSWER = 800
_UNTOLD = re.compile(r"^label: null\n|, answer sha256:[0-9a-f]{64}(?=\n|$)", re.MULTILINE)
"""Of a case that has no label, and of an answer that is too long to be recorded in words."""


def opening(view: View, tools: AgentTools, size: int) -> str:
    """The first user message."""
    record = tools.record
    answers = [_did(run_tools.describe(record, view.incumbent, row)) for row in record.train_results(view.incumbent)]
    return "\n\n".join(
        [
            f"The task:\n{record.task[:size].strip()}",
            *memory.hints(view, size),
            *memory.notebook(view, size),
            f"Candidates so far:\n{tried(view, record)}",
            *_better(view, record),
            f"The best is candidate {view.incumbent}, which you change:",
            *files(view),
            *[f"What it did on train:\n{answer}" for answer in answers],
            _facts(tools.surroundings),
        ]
    )


def better_elsewhere(view: View, record: RunRecord) -> str:
    """Which candidates are better than the best one on some case of train; empty where there are none."""
    return sentence(merging.of_train(view, record), "candidate", merging.place(record))


def _better(view: View, record: RunRecord) -> list[str]:
    return [f"Of train: {found}."] if (found := better_elsewhere(view, record)) else []


def files(view: View) -> Sequence[str]:
    """The files that are text and not empty, each in a fence that it does not hold."""
    told = []
    for path, content in view.harness.files.items():
        text = content.decode("utf-8", "replace").rstrip("\n")
        fence = "```"
        while fence in text:
            fence += "`"
        if text:
            told.append(f"{path}:\n{fence}\n{text}\n{fence}")
    return told


def _did(described: str) -> str:
    """Of a long one the beginning, which is the case, and the end, where a log says what failed."""
    told = _UNTOLD.sub("", described)
    return told if len(told) <= _ANSWER else f"{told[: _ANSWER // 2]}\n[…]\n{told[-_ANSWER // 2 :]}"


def _facts(around: Surroundings) -> str:
    """The facts; in one line where a harness has nothing but itself: no cases, model, folders or tools."""
    if around.learns or around.model or around.folders or around.tools:
        return surroundings.facts(around)
    limits = around.limits
    return (
        f"`solve` has {limits.cpu_s:g} s of CPU, {limits.wall_s:g} s in all and {limits.memory_mb} MB of memory. "
        f"Packages beside the standard library: {', '.join(around.packages) or 'none'}."
    )
