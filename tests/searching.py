"""A search without a run: a harness with tunables, a view of it, and a lab that scores by a formula."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec
import tomli_w

from engine.agents.protocol import NoProposal, PastGeneration, ProbeRequest, Proposal, View
from engine.agents.search import SearchAgent
from engine.events import types as t
from harness_repo.harness import Harness, dump_params, parse
from harness_repo.structure.changes import meaning
from harness_repo.structure.named import changes_of
from harness_repo.tunable import Value
from tests.histories import settings

Formula = Callable[[Mapping[str, Value]], float]


def harness(tunables: Mapping[str, object], params: Mapping[str, Value]) -> Harness:
    """A harness that declares `tunables`."""
    manifest = {"name": "x", "tunables": msgspec.to_builtins(dict(tunables))}
    agent = b"def solve(instance, ctx):\n    return instance\n"
    return parse(
        {"harness.toml": tomli_w.dumps(manifest).encode(), "params.toml": dump_params(params), "agent.py": agent}
    )


def view(of: Harness, *, seen: Sequence[t.ProbeFinished] = (), past: Sequence[Harness] = (), **changes: object) -> View:
    """What an agent sees after one generation, which executed `of`."""
    judged = [
        PastGeneration(
            n, "h", one.params, None, "0.5000 ± 0.1000", accepted=True, verdict="first",
            program=meaning(one.source) if one.program else "",
        )
        for n, one in enumerate([of, *past], 1)
    ]  # fmt: skip
    return View(
        generation=1, improvements=0, attempt=0, settings=settings(**{"probes": 12} | changes), incumbent=1, harness=of,
        past=judged, train=[], probes=seen, failed=[], declined=[], evidence=[3],
    )  # fmt: skip


class FakeLab:
    """Scores proposals by a formula; gives no more results once `limit` are given."""

    def __init__(self, of: Harness, formula: Formula, limit: int = 1000, se: float = 0.0) -> None:
        self.harness, self.formula, self.limit, self.se = of, formula, limit, se
        self.refuses: Callable[[Mapping[str, Value]], bool] = lambda params: False
        self.by_instance: Callable[[Mapping[str, Value]], Mapping[str, float]] = lambda params: {}
        self.runs: Callable[[str], float] | None = None
        self.asked: list[ProbeRequest] = []
        self.found: list[t.ProbeFinished] = []

    async def probe(self, requests: Sequence[ProbeRequest]) -> list[t.ProbeFinished]:
        """As `Lab.probe`."""
        given = [self._finished(request) for request in requests][: self.limit - len(self.found)]
        self.asked += requests
        self.found += given
        return given

    async def scores(self, probe: t.ProbeFinished) -> Mapping[str, float]:
        """As `Lab.scores`."""
        return self.by_instance(probe.params)

    def _finished(self, request: ProbeRequest) -> t.ProbeFinished:
        # raises for a value that was never declared
        tried = self.harness.with_params(request.params)
        params = dict(request.params) if changes_of(request.params) else tried.params
        value = self.formula(params) if self.runs is None else self.runs(tried.source)
        failure = t.Failure("candidate", "no") if value < 0 else None
        score = t.Score(max(0.0, value), self.se, 3)
        return t.ProbeFinished(
            1, 0, request.ordinal, request.why, params, "a fold", score, 3, 0.1, 0.1, "key", str(params), failure,
            refused=self.refuses(params),
        )  # fmt: skip


def improve(seen: View, lab: FakeLab) -> Proposal | NoProposal:
    """One Improvement of the search agent."""
    analysis = t.AnalysisFinished("", "harness", "")
    return asyncio.run(SearchAgent().improve(seen, analysis, lab))
