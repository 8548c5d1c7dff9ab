"""Sampling: the model is asked for a whole program, each time from the start, or each time from the best so far."""

from __future__ import annotations

import functools
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.arena.cell import BudgetSpent, Meter
from benchmarks.arena.method import Method, Play
from benchmarks.arena.service import Account, Service, model
from benchmarks.arena.task import Task

_PROMPT = "{about}\n\nImprove this program. Reply with the whole program in a fence.\n\n```python\n{program}```"
_FENCE = re.compile(r"```\w*\n(.*?)```", re.DOTALL)


def _play(sequential: bool, task: Task, seed: int, meter: Meter) -> None:
    assert isinstance(meter, Account)  # noqa: S101 - a task of programs has one
    with Service(meter, model.replies(task, seed)) as service:
        while True:
            basis = (meter.best or meter.start) if sequential else meter.start
            said = _prompt(service, _PROMPT.format(about=task.about, program=basis.candidate))
            if found := _FENCE.search(said):
                _post(f"{service.url}/score", {"program": found[1]})


def _prompt(service: Service, text: str) -> str:
    """The model's words; raises `BudgetSpent` where none are left."""
    body = {"model": service.model, "messages": [{"role": "user", "content": text}]}
    try:
        return str(_post(f"{service.url}/v1/chat/completions", body)["choices"][0]["message"]["content"] or "")
    except urllib.error.HTTPError as error:
        if service.ended.is_set():
            raise BudgetSpent from None
        raise RuntimeError(error.read().decode()[:300]) from None


def _post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - the arena's own server
        return dict(json.load(answer))


def _method(name: str, *, sequential: bool) -> Method:
    def bind(python: Path | None) -> Play:
        return functools.partial(_play, sequential)

    return Method(name, ("program",), bind, sources=[Path(__file__)])


INDEPENDENT = _method("independent", sequential=False)
SEQUENTIAL = _method("sequential", sequential=True)
