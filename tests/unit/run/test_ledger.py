"""The ledger of model calls: what this run knows, what its lineage knows, and what a call may cost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from engine.events import tips
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.storage.connection import transaction
from engine.models.calling import BudgetExceeded, PaidReply, Position
from engine.models.protocol import RetryableError
from engine.queries.costs import costs
from engine.run.ledger import RunLedger
from engine.run.live_run import Ports, Run
from engine.usage import Usage
from tests.histories import settings, started

NO_PORTS = Ports(None, None, None, None, workers=1)  # type: ignore[arg-type]
AT = Position("task", "val/val-1/0", 0, harness="h1")
PAID = PaidReply("fake", None, 7, b'"reply"', "stop", Usage(input=10, output=5), 0.25, 1.5)


@pytest.fixture
def log(workspace: Path) -> Iterator[RunLog]:
    with contextlib.closing(RunLog.hold(workspace, "r1")) as held:
        yield held


def run_of(log: RunLog, *more: tuple[int, t.Payload], **caps: Any) -> Run:
    """A run that executes its first candidate."""
    first = started(settings(budget=t.Budget(**caps)))
    log.append([(0, first), *more, (1, t.StepStarted("execute", 1))])
    run = Run(log, NO_PORTS)
    run.catch_up()
    return run


def ledger_of(run: Run) -> RunLedger:
    return RunLedger(run, run.log.reader, run.reuse)


def keep(ledger: RunLedger, at: Position, request: bytes, paid: PaidReply) -> None:
    asyncio.run(ledger.keep(at, request, paid))


def calls(run: Run) -> list[t.ModelCalled]:
    return [p for event in run.log.reader.history(run.log.run) if isinstance(p := event.payload, t.ModelCalled)]


def test_a_reply_is_kept_with_what_it_took_and_recalled_without_a_word(log: RunLog) -> None:
    run = run_of(log)
    ledger = ledger_of(run)
    assert ledger.recall(AT, b"ask") is None
    keep(ledger, AT, b"ask", PAID)
    assert (run.state.spent.usd, run.state.spent.tokens) == (0.25, 15)
    assert ledger.recall(AT, b"ask") == b'"reply"'
    assert ledger_of(run).recall(AT, b"ask") == b'"reply"'
    (call,) = calls(run)
    assert (call.place, call.harness, call.seed, call.reused) == ("val/val-1/0", "h1", 7, False)
    assert log.reader.blob(call.request) == b"ask"


def test_a_reply_that_cannot_be_read_is_passed_over_for_one_that_can(log: RunLog) -> None:
    ledger = ledger_of(run_of(log))
    keep(ledger, AT, b"ask", replace(PAID, reply=b"poison"))
    assert ledger.recall(AT, b"ask", lambda reply, _: reply != b"poison") is None
    keep(ledger, AT, b"ask", PAID)
    assert ledger.recall(AT, b"ask", lambda reply, _: reply != b"poison") == b'"reply"'


def test_a_billed_reply_that_cannot_be_used_is_in_the_log_and_in_the_caps_and_is_never_given_back(log: RunLog) -> None:
    run = run_of(log, usd=0.4)
    ledger = ledger_of(run)
    ledger.waste(AT, b"ask", PAID, "it does not parse", bound=False)
    assert (run.state.spent.usd, run.state.spent.tokens) == (0.25, 15)
    assert ledger_of(run).recall(AT, b"ask") is None
    with pytest.raises(BudgetExceeded), ledger.reserve(0.2, 0):
        pass
    (wasted,) = [p for event in log.reader.history("r1") if isinstance(p := event.payload, t.ModelWasted)]
    assert log.reader.blob(wasted.reply) == PAID.reply
    on = next(row for row in costs(log.reader.history("r1"))["by"] if row["calls"])
    assert (on["on"], on["usd"], on["tokens"]) == ("task model", 0.25, 15)


def test_what_was_billed_is_on_the_disk_before_anybody_uses_it(log: RunLog, workspace: Path) -> None:
    run = run_of(log)
    ledger = ledger_of(run)
    keep(ledger, AT, b"ask", PAID)
    kept = tips.read(workspace / "tips", "r1")
    ledger.waste(AT, b"ask more", PAID, "it does not parse", bound=False)
    wasted = tips.read(workspace / "tips", "r1")
    # a tip is moved by durable appends only
    assert kept and wasted and (kept.n, wasted.n) == (run.state.n - 1, run.state.n)


def test_replies_that_arrive_together_wait_for_the_disk_once_and_each_is_there_when_it_is_used(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, commits = run_of(log), list[bool]()
    append = RunLog.append

    def counted(self: RunLog, *arguments: Any, durable: bool = True, **more: Any) -> Any:
        commits.append(durable)
        return append(self, *arguments, durable=durable, **more)

    monkeypatch.setattr(RunLog, "append", counted)
    ledger = ledger_of(run)

    async def one(number: int) -> None:
        place = Position("task", f"val/{number}/0", 0)
        with ledger.reserve(0.1, 1):
            await asyncio.sleep(0)
            await ledger.keep(place, b"ask", PAID)
            assert ledger.recall(place, b"ask") == PAID.reply

    async def go() -> None:
        await asyncio.gather(*(one(number) for number in range(64)))

    asyncio.run(go())
    assert commits == [True]
    assert len(calls(run)) == 64


@pytest.mark.parametrize(
    ("at", "request_"),
    [(AT, b"ask else"), (Position("task", "val/val-2/0", 0), b"ask"), (Position("task", AT.place, 1), b"ask")],
)
def test_another_request_or_position_is_not_known(log: RunLog, at: Position, request_: bytes) -> None:
    ledger = ledger_of(run_of(log))
    keep(ledger, AT, b"ask", PAID)
    assert ledger.recall(at, request_) is None


def test_another_candidate_is_given_the_reply_as_reused(log: RunLog) -> None:
    run = run_of(log)
    ledger = ledger_of(run)
    keep(ledger, AT, b"ask", PAID)
    other = Position("task", AT.place, 0, harness="h2")
    assert ledger.recall(other, b"ask") == b'"reply"'
    assert ledger.recall(other, b"ask") == b'"reply"'
    assert [(call.harness, call.reused, call.usd) for call in calls(run)] == [("h1", False, 0.25), ("h2", True, 0.0)]
    assert (run.state.spent.usd, run.state.spent.tokens, run.state.spent.reused_tokens) == (0.25, 15, 15)


def test_a_fork_is_given_what_its_parent_paid_for_after_it_left(log: RunLog, workspace: Path) -> None:
    keep(ledger_of(run_of(log)), AT, b"ask", PAID)
    parent = log.reader.event("r1", 2)
    with contextlib.closing(RunLog.hold(workspace, "r2")) as child:
        child.fork_from(parent)
        child.append([(1, t.RunForked("child", "r1", 2)), (1, t.StepStarted("execute", 1))])
        run = Run(child, NO_PORTS)
        run.catch_up()
        assert ledger_of(run).recall(AT, b"ask") == b'"reply"'
        assert run.state.spent.usd == 0
        assert run.state.spent.reused_tokens == 15


def test_a_reply_that_was_left_out_of_an_import_is_asked_for_again(log: RunLog) -> None:
    run = run_of(log)
    ledger = ledger_of(run)
    keep(ledger, AT, b"ask", PAID)
    with transaction(log.db, durable=False) as connection:
        connection.execute("UPDATE blobs SET codec = 'left out', data = x'' WHERE sha256 = ?", (calls(run)[0].reply,))
    assert ledger.recall(AT, b"ask") is None


@pytest.mark.parametrize(("caps", "resource"), [({"usd": 1.0}, "usd"), ({"tokens": 100}, "tokens")])
def test_what_is_in_flight_counts_with_all_that_it_may_cost(log: RunLog, caps: dict[str, Any], resource: str) -> None:
    ledger = ledger_of(run_of(log, **caps))
    with ledger.reserve(0.6, 60):
        with pytest.raises(BudgetExceeded) as caught, ledger.reserve(0.6, 60):
            pass
        assert caught.value.resource == resource
        with ledger.reserve(0.4, 40):
            pass
    with ledger.reserve(0.6, 60):
        keep(ledger, AT, b"ask", PAID)
    with pytest.raises(BudgetExceeded), ledger.reserve(0.8, 90):
        pass


def test_a_retry_is_an_event_of_one_line(log: RunLog) -> None:
    run = run_of(log)
    ledger_of(run).retried(AT, "fake", 2, 1.5, RetryableError("busy\nvery " + "x" * 900, status=529))
    retries = [p for event in log.reader.history("r1") if isinstance(p := event.payload, t.ModelRetried)]
    assert (retries[0].attempt, retries[0].wait_s, retries[0].status) == (2, 1.5, 529)
    assert retries[0].reason.startswith("busy very xxx")
    assert len(retries[0].reason) <= 300
