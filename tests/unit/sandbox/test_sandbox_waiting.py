"""Solves that wait for a model leave their place to others, as far as the model takes further calls."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from engine.sandbox import CallRefused, Isolation, open_sandbox
from tests.unit.sandbox.running import jobs, program

WAITS = """
import time
def solve(instance, ctx):
    try:
        ctx.tools.call("x")
    except Exception as error:
        print(error)
    began = time.monotonic()
    while time.monotonic() < began + 0.02:
        pass
    return [began, time.monotonic()]
"""


class Crowd:
    """Answers each call once `together` of them wait, or refuses it; later ones at once."""

    def __init__(self, together: int, *, refuses: bool = False) -> None:
        self.waiting = self.most = 0
        self._together, self._refuses, self._met = together, refuses, asyncio.Event()

    async def call(self, job_key: str | None, op: str, payload: object, ordinal: int) -> object:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        if self.waiting == self._together:
            self._met.set()
        try:
            await asyncio.wait_for(self._met.wait(), 60)
        finally:
            self.waiting -= 1
        if self._refuses:
            raise CallRefused("no")
        return "reply"


def solved(crowd: Crowd, isolation: Isolation, *, room: bool) -> list[tuple[float, float]]:
    """When each of eight solves computed after its call, with one worker."""

    async def collect() -> list[tuple[float, float]]:
        async with open_sandbox(
            program(WAITS), workers=1, broker=crowd, isolation=isolation, room=lambda: room
        ) as session:
            found = [outcome async for outcome in session.solve(jobs(range(8)))]
        assert [one.failure for one in found] == [None] * 8
        return sorted(tuple(one.answer) for one in found)  # type: ignore[misc]

    return asyncio.run(collect())


def test_more_solves_than_workers_wait_for_a_model_that_takes_their_calls_and_one_computes_at_a_time(
    best: Isolation,
) -> None:
    crowd = Crowd(4)
    times = solved(crowd, best, room=True)
    assert crowd.most >= 4
    assert all(ended <= began for (_, ended), (began, _) in pairwise(times))


def test_a_refused_call_gives_its_place_back_too(best: Isolation) -> None:
    times = solved(Crowd(2, refuses=True), best, room=True)
    assert all(ended <= began for (_, ended), (began, _) in pairwise(times))


def test_no_further_solve_begins_where_its_call_would_wait(best: Isolation) -> None:
    crowd = Crowd(1)
    solved(crowd, best, room=False)
    assert crowd.most == 1
