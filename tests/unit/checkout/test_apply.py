"""A candidate on a person's own input answers as it did in its run, and leaves no trace in the log."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Instance
from engine.checkout import apply
from engine.checkout.apply import PreparedOn, parse_input
from engine.checkout.domain import domain_of
from engine.checkout.folder import folder, load, write
from engine.errors import SiaError
from engine.evaluation.answer_codec import unpack
from engine.evaluation.evaluate import Evaluation
from engine.evaluation.trial import Answer
from engine.events import types as t
from engine.events.reader import Reader
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.loop.launch import plan, start
from engine.run.domain_session import choose_isolation
from engine.run.options import Options
from engine.run.workspace import Workspace
from tests.story import TOY

DRAWS = """
def prepare(ctx):
    return {case.data: case.label for case in ctx.train()}, ctx.rng.random()

def solve(instance, ctx):
    known, drawn = ctx.prepared
    if instance.data == "raise":
        raise ValueError("asked to")
    return [known.get(instance.data), drawn, ctx.rng.random(), instance.label]
"""


def silent(text: str) -> None:
    """A report that nobody reads."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A run whose second candidate's answers depend on what it learnt and on both of its seeds."""
    place = tmp_path_factory.mktemp("applying")
    (place / "script.toml").write_text(
        f"[[decision]]\nreason = 'draw'\nfiles = {{ 'agent.py' = {json.dumps(DRAWS)} }}\n"
        "[[decision]]\nreason = 'look it up'\nparams = { method = 'table' }\n"
    )
    made = Workspace(place / "w")

    async def go() -> None:
        options = Options(domain=str(TOY), generations=3, seed=11, agent=f"script:{place / 'script.toml'}", workers=2)
        async with start(made, await plan(options, silent)) as run:
            await drive(run, Control())

    asyncio.run(go())
    return made


def recorded(workspace: Workspace, generation: int) -> dict[str, t.InstanceFinished]:
    with contextlib.closing(workspace.reader()) as reader:
        return {
            payload.instance: payload
            for event in reader.history(reader.find("last").run)
            if event.generation == generation and isinstance(payload := event.payload, t.InstanceFinished)
        }


def applied(
    workspace: Workspace, generation: int, inputs: list[Instance], prepared_on: PreparedOn, workers: int = 2
) -> tuple[Evaluation, list[Answer]]:
    async def go() -> tuple[Evaluation, list[Answer]]:
        with contextlib.closing(workspace.reader()) as reader:
            checkout = load(reader, reader.find("last"), generation)
        async with domain_of(checkout.state.domain, silent) as grader:
            evaluation = apply.evaluation(
                checkout,
                grader,
                await apply.material(checkout, grader, prepared_on),
                model=None,
                isolation=choose_isolation(unsafe=False),
                workers=workers,
            )
            return evaluation, [row async for row in apply.apply(evaluation, inputs, checkout.repeat)]

    return asyncio.run(go())


def of(results: dict[str, t.InstanceFinished]) -> list[Instance]:
    return [Instance(id=name, data=int(name.split("-")[1])) for name in sorted(results)]


def answer_in(result: t.InstanceFinished) -> Any:
    return unpack(result.answer, lambda name: b"")


def test_prepared_as_in_the_run_it_answers_as_in_the_run(workspace: Workspace) -> None:
    then = recorded(workspace, 2)
    evaluation, rows = applied(workspace, 2, of(then), "run")
    assert len(rows) == 90 and all(row.failure is None for row in rows)
    assert {row.trial.instance: row.value for row in rows} == {name: answer_in(result) for name, result in then.items()}
    assert {evaluation.prepared} == {result.prepared for result in then.values()}


def test_prepared_on_train_and_val_it_knows_more_and_says_on_what(workspace: Workspace) -> None:
    then = recorded(workspace, 2)
    evaluation, rows = applied(workspace, 2, of(then), "train+val")
    assert len(evaluation.train) == 140 and evaluation.prepared not in {result.prepared for result in then.values()}
    assert [row.value[0] for row in rows] == [7 * int(row.trial.instance.split("-")[1]) % 10 for row in rows]
    assert all(answer_in(result)[0] is None for result in then.values())


def test_answers_come_in_order_whatever_the_workers_and_failures_are_typed(workspace: Workspace) -> None:
    inputs = [Instance(id=str(i), data="raise" if i == 4 else i) for i in range(12)]
    _, one = applied(workspace, 2, inputs, "run", workers=1)
    _, two = applied(workspace, 2, inputs, "run", workers=2)
    assert [(row.trial, row.value, row.failure) for row in one] == [(row.trial, row.value, row.failure) for row in two]
    assert [row.trial.instance for row in one] == [str(i) for i in range(12)]
    assert one[4].failure == t.Failure("candidate", "ValueError: asked to")
    assert [row.trial.instance for row in one if row.failure] == ["4"]


def test_applying_leaves_the_log_byte_for_byte_and_the_test_sealed(workspace: Workspace) -> None:
    def everything() -> list[tuple[Any, ...]]:
        with contextlib.closing(Reader.open(workspace.log)) as reader:
            return reader.db.conn.execute("SELECT * FROM events ORDER BY seq").fetchall()

    before = everything()
    evaluation, _ = applied(workspace, 2, [Instance(id="x", data=1)], "train+val")
    assert everything() == before
    assert not any(item.id.startswith("test") for item in evaluation.train)


def test_the_folder_that_is_taken_away_answers_as_the_run_did(workspace: Workspace, tmp_path: Path) -> None:
    then = recorded(workspace, 2)

    async def train() -> list[Instance]:
        async with domain_of(checkout.state.domain, silent) as grader:
            return await grader.instances("train")

    with contextlib.closing(workspace.reader()) as reader:
        checkout = load(reader, reader.find("last"), 2)
    place = tmp_path / "taken"
    write(place, folder(checkout, asyncio.run(train())))
    asked = "\n".join(json.dumps({"id": item.id, "data": item.data}) for item in of(then))
    done = subprocess.run(
        [sys.executable, str(place / "run.py"), "--train", str(place / "train.jsonl"), "--as-in-run", "-"],
        check=True, input=asked, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["id"]: row["answer"] for row in rows} == {name: answer_in(result) for name, result in then.items()}


def test_a_domain_that_changed_is_refused(workspace: Workspace) -> None:
    async def go() -> None:
        with contextlib.closing(workspace.reader()) as reader:
            task = load(reader, reader.find("last"), 1).state.domain
        async with domain_of(t.DomainRef(task.name, task.source, "0" * 64, "", "", {}), silent):
            raise AssertionError("it was opened")

    with pytest.raises(SiaError, match="has changed since this run started"):
        asyncio.run(go())


def test_a_text_is_one_instance_and_json_lines_are_many() -> None:
    assert parse_input("one\ntwo\r\n", "text") == [Instance("1", "one\ntwo")]
    assert parse_input('"a"\r\n\n{"id": 7, "data": 1, "label": 5}\n{"x": 1, "data": 2}\n', "jsonl") == [
        Instance("1", "a"), Instance("7", 1), Instance("4", {"x": 1, "data": 2}),
    ]  # fmt: skip
    for bad in ("", "{", '{"id": "1", "data": 0}\n"no"\n{"id": "2", "data": 0}', "[" * 100_000):
        with pytest.raises(SiaError):
            parse_input(bad, "jsonl")
