"""What the broker adds to a call of a model: looking it up, reserving, and keeping the reply on the disk.

    python benchmarks/broker_overhead.py [--calls 300] [--in-flight 64]

Prints one JSON object. Times are in milliseconds for a call after another: of the backend alone, through the broker,
and answered from the log. The backend replies at once, so the difference is the broker's. Rates are calls a second with
many in flight, by that backend and over HTTP to a server that answers at once, in a process of its own; each reply is
on the disk before it is used. The load is the mean number of processes that wanted a processor in the last minute.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from engine.core.decide import RULES
from engine.evaluation.model_broker import TaskBroker
from engine.events import types as t
from engine.events.log import RunLog
from engine.models.backends.openai import OpenAI
from engine.models.calling import CallPolicy, PricedModel
from engine.models.protocol import Abilities, Message, Model, OnText, Reply, Request, ScoreReply
from engine.run.live_run import Ports, Run
from engine.usage import Usage

PROMPT = "Name the charge. " * 100
REPLY = Reply("theft", "stop", Usage(input=400, output=3))


class Instant:
    """A backend that replies at once."""

    weights = "instant"
    abilities = Abilities()

    async def chat(self, request: Request, on_text: OnText | None = None) -> Reply:
        return REPLY

    async def score(self, prompt: str, continuations: Sequence[str], *, adapter: str | None = None) -> ScoreReply:
        return ScoreReply([], Usage())

    async def close(self) -> None:
        pass


def started() -> list[tuple[int, t.Payload]]:
    """The first events of a run that executes its first candidate."""
    settings = t.Settings(generations=1, seed=1, agent="search", gate=t.Gate(), model="instant")
    domain = t.DomainRef("bench", "bench", "d" * 64, "A benchmark", "accuracy", {"train": 1, "val": 1, "test": 1})
    return [(0, t.RunStarted(RULES, "bench-1", domain, settings)), (1, t.StepStarted("execute", 1))]


async def measured(count: int, call: Callable[[int], Awaitable[Any]]) -> dict[str, float]:
    """Median and 95th percentile of `count` calls one after the other."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        await call(number)
        times.append((time.perf_counter() - began) * 1e3)
    return {"median": round(statistics.median(times), 3), "p95": round(sorted(times)[int(count * 0.95)], 3)}


@contextlib.contextmanager
def brokered(folder: Path, model: Model, in_flight: int = 1) -> Iterator[Callable[[int], Awaitable[Any]]]:
    """A call of `model` through the broker of a new run, by the number of the instance that makes it."""
    with contextlib.closing(RunLog.hold(folder, "r1")) as log:
        log.append(started())
        no_effects: Any = None
        served = PricedModel(model, lambda usage: 0.0, CallPolicy(in_flight))
        run = Run(log, Ports(no_effects, no_effects, no_effects, no_effects, workers=1, task_model=served))
        run.catch_up()
        broker = TaskBroker(run.callers.task, run.state.root_seed, "commit")
        yield lambda number: broker.call(f"val/{number}/0", "model.chat", {"messages": [PROMPT]}, 0)


async def one_by_one(folder: Path, count: int) -> dict[str, Any]:
    """The three ways of one call."""
    model = Instant()
    request = Request("instant", [Message("user", PROMPT)])
    with brokered(folder, model) as through:
        return {
            "backend alone, ms": await measured(count, lambda number: model.chat(request)),
            "through the broker, ms": await measured(count, through),
            "answered from the log, ms": await measured(count, through),
        }


async def rate(count: int, in_flight: int, call: Callable[[int], Awaitable[Any]]) -> dict[str, float]:
    """Calls a second, and milliseconds of this process's CPU for each, where so many are in flight at once."""
    await call(0)  # the first one goes alone
    numbers = iter(range(1, count + 1))

    async def lane() -> None:
        for number in numbers:
            await call(number)

    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(lane() for _ in range(in_flight)))
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    return {"calls/s": round(count / wall, 1), "CPU, ms a call": round(1e3 * cpu / count, 3)}


ANSWER = json.dumps(
    {
        "choices": [{"message": {"role": "assistant", "content": REPLY.text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": REPLY.usage.input, "completion_tokens": REPLY.usage.output},
    }
).encode()
HEAD = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(ANSWER)}\r\n\r\n".encode()


class AtOnce(asyncio.Protocol):
    """Answers each HTTP request as soon as it is whole; it reads no more of it than its length."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._data = transport, b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        length = next((line[15:] for line in head.split(b"\r\n") if line[:15].lower() == b"content-length:"), b"0")
        if end and len(body) >= int(length):
            self._data = b""
            self._transport.write(HEAD + ANSWER)  # type: ignore[attr-defined]


def serve(port: Any) -> None:
    """Serves on loopback until the process is ended; sends the port."""

    async def forever() -> None:
        server = await asyncio.get_running_loop().create_server(AtOnce, "127.0.0.1", 0, backlog=256)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


async def over_http(folder: Path, count: int, in_flight: int) -> dict[str, Any]:
    """Rates over HTTP: of the backend alone, and through the broker."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    model = OpenAI("m", f"http://127.0.0.1:{ours.recv()}/v1", kind="other")
    request = Request("m", [Message("user", PROMPT)])
    try:
        alone = await rate(count, in_flight, lambda number: model.chat(request))
        with brokered(folder, model, in_flight) as through:
            return {"HTTP alone": alone, "HTTP and broker": await rate(count, in_flight, through)}
    finally:
        await model.close()
        process.terminate()
        process.join()


async def measure(folder: Path, count: int, in_flight: int) -> dict[str, Any]:
    """All times and rates."""
    found = await one_by_one(folder / "one", count)
    with brokered(folder / "many", Instant(), in_flight) as through:
        found["broker"] = await rate(count, in_flight, through)
    found |= await over_http(folder / "http", count, in_flight)
    return found | {"calls": count, "in flight": in_flight, "load": os.getloadavg()[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--in-flight", type=int, default=64)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(asyncio.run(measure(Path(folder), chosen.calls, chosen.in_flight)), indent=2))


if __name__ == "__main__":
    main()
