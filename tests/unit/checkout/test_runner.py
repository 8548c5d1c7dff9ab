"""A checkout's runner gives a harness the same `ctx`, the same surroundings and the same failures as the sandbox."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domains.contract import Instance
from engine.checkout.apply import parse_input
from engine.checkout.folder import folder, write
from engine.errors import SiaError
from engine.evaluation.model_broker import NoModel
from engine.evaluation.trial import prepared_on, trial
from engine.events import types as t
from engine.sandbox import Isolation, Job, Outcome, Program, probe, run_harness
from engine.seeds import derive, opaque_id
from harness_repo.harness import parse
from tests.unit.checkout.test_folder import checkout

TRAIN = [Instance(f"train-{i}", i, 3 * i) for i in range(6)]
LOOKS = """
import json, os, random, sys, tempfile
from pathlib import Path

import context

def what_is_here(ctx):
    Path("left.txt").write_text("left")
    first = ctx.train()[0] if ctx.train() else None
    return {
        "ctx": sorted(name for name in vars(ctx) if name[0] != "_"),
        "params": ctx.params,
        "folders": {name: Path(place, "number.txt").read_text() for name, place in ctx.folders.items()},
        "first": repr(first),
        "line": ctx.line,
        "draws": [ctx.rng.random(), random.random()],
        "stdin": sys.stdin.read(),
        "home": os.environ["HOME"] == os.getcwd() == tempfile.gettempdir() == os.environ["TMPDIR"],
        "hashes": os.environ["PYTHONHASHSEED"],
        "own": context.NAME,
        "here": sorted(os.listdir()),
    }

def prepare(ctx):
    return what_is_here(ctx)

def solve(instance, ctx):
    if instance.data == "frozen":
        instance.data = 1
    if instance.data == "model":
        ctx.model.chat(["hello"])
    if instance.data == "score":
        ctx.model.score("a", ["b"])
    if instance.data == "tool":
        ctx.tools.call("look", at=1)
    if instance.data == "raise":
        raise ValueError("first line\\nlast \\x01 line " + "x" * 400)
    if instance.data == "exit":
        sys.exit(3)
    if instance.data == "leave":
        os._exit(7)
    if instance.data == "memory":
        raise MemoryError("asked to")
    if instance.data == "no answer":
        return object
    if instance.data == "bytes":
        return b"abc"
    ctx.log("logged", instance.data, instance.label)
    return [what_is_here(ctx), ctx.prepared, repr(instance)]
"""
ASKED = ["plain", "frozen", "model", "score", "tool", "raise", "exit", "leave", "memory", "no answer", "plain"]
BREAKS = "def prepare(ctx):\n    raise ValueError('not ready')\n\ndef solve(instance, ctx):\n    return 1\n"


def files(agent: str) -> dict[str, bytes]:
    return {
        "harness.toml": b'name = "looks"\n',
        "params.toml": b"",
        "agent.py": agent.encode(),
        "context.py": b"NAME = 'a module of the harness with the name of one of ours'\n",
    }


def in_the_sandbox(agent: str, given: Path, train: list[Instance]) -> list[Outcome]:
    found = probe()
    isolation = found if found.level != "none" else Isolation.unsafe()
    harness = parse(files(agent))
    program = Program(
        harness.files,
        harness.manifest.entry,
        harness.params,
        [replace(item, id=opaque_id(7, item.id)) for item in train],
        derive(7, "prepare"),
        folders={"given": str(given)},
    )
    todo = [trial("val", Instance(str(place), data), 0, 7) for place, data in enumerate(ASKED, 1)]

    async def go() -> list[Outcome]:
        jobs = [Job(one.instance, opaque_id(7, one.instance), one.data, one.seed) for one in todo]
        outcomes = run_harness(program, jobs, workers=1, broker=NoModel(), isolation=isolation)
        return sorted([one async for one in outcomes], key=lambda one: int(one.key))

    return asyncio.run(go())


def in_a_checkout(agent: str, given: Path, place: Path, train: list[Instance], **changes: Any) -> list[dict[str, Any]]:
    write(place, folder(replace(checkout(files=files(agent)), **changes), train))
    options = ["--train", str(place / "train.jsonl"), "--folder", f"given={given}"]
    done = subprocess.run(
        [sys.executable, "-I", str(place / "run.py"), *options, "-"],
        check=False, input="\n".join(map(json.dumps, ASKED)), capture_output=True, text=True, timeout=120,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert "logged plain None" in done.stderr or agent != LOOKS
    assert not list(place.rglob("__pycache__")), "nothing is left in the folder"
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_both_give_a_harness_the_same(tmp_path: Path) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "number.txt").write_text("100")
    inside = in_the_sandbox(LOOKS, given, TRAIN)
    taken = in_a_checkout(LOOKS, given, tmp_path / "it", TRAIN)
    assert [one.answer for one in inside] == [row.get("answer") for row in taken]
    assert [one.failure and (one.failure.kind, one.failure.message) for one in inside] == [
        row.get("failure") and (row["failure"]["kind"], row["failure"]["message"]) for row in taken
    ]
    (looked, prepared, shown) = inside[0].answer
    assert looked["here"] == prepared["here"] == ["left.txt"] and looked["home"] and looked["stdin"] == ""
    assert looked["folders"] == {"given": "100"} and looked["first"] == repr_of(TRAIN[0])
    assert shown == f"Instance(id={opaque_id(7, '1')!r}, data='plain', label=None)"
    assert [one.failure.kind for one in inside if one.failure] == [
        *("candidate", "model", "model", "model", "candidate", "candidate", "candidate", "resource", "candidate")
    ]


def repr_of(item: Instance) -> str:
    return f"Instance(id={opaque_id(7, item.id)!r}, data={item.data!r}, label={item.label!r})"


def test_what_prepare_fails_at_is_every_instance_s_failure(tmp_path: Path) -> None:
    (tmp_path / "number.txt").write_text("100")
    inside = in_the_sandbox(BREAKS, tmp_path, TRAIN)
    taken = in_a_checkout(BREAKS, tmp_path, tmp_path / "it", TRAIN)
    assert {one.failure for one in inside} == {t.Failure("candidate", "ValueError: not ready")}
    assert [row["failure"] for row in taken] == [{"kind": "candidate", "message": "ValueError: not ready"}] * len(ASKED)


def test_a_harness_that_learnt_nothing_in_its_run_learns_nothing(tmp_path: Path) -> None:
    (tmp_path / "number.txt").write_text("100")
    best = checkout()
    nothing = {key: replace(result, prepared=prepared_on([])) for key, result in best.results.items()}
    assert best.learns and not replace(best, results=nothing).learns
    rows = in_a_checkout(LOOKS, tmp_path, tmp_path / "it", TRAIN, results=nothing)
    assert rows[0]["answer"][0]["first"] == "None"


def test_a_run_s_model_is_said_to_be_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "number.txt").write_text("100")
    best = checkout()
    with_model = replace(best.state, _settings=replace(best.state.settings, model="fake:x"))
    rows = in_a_checkout(LOOKS, tmp_path, tmp_path / "it", TRAIN, state=with_model)
    assert rows[2]["failure"] == {"kind": "model", "message": "Refused: a checkout has no model; `sia apply` has"}
    assert rows[4]["failure"] == {"kind": "model", "message": "Refused: its domain has no tools"}


def test_a_program_answers_in_a_checkout_too(tmp_path: Path) -> None:
    program = (
        "import json, os, sys\n"
        "case, train = json.load(sys.stdin), open(os.environ['SIA_TRAIN']).read().splitlines()\n"
        "print(json.dumps([case['data'], len(train), open(os.environ['SIA_GIVEN'] + '/number.txt').read()]))\n"
    )
    manifest = b'name = "mine"\ncommand = ["python", "mine.py"]\nanswer = "json"\n'
    place, given = tmp_path / "out", tmp_path / "given"
    given.mkdir()
    (given / "number.txt").write_text("5")
    write(place, folder(checkout(files={"harness.toml": manifest, "mine.py": program.encode()}), TRAIN))
    (place / "todo.jsonl").write_text('"one"\n"two"\n')
    options = ["--train", str(place / "train.jsonl"), "--folder", f"given={given}", str(place / "todo.jsonl")]
    done = subprocess.run(
        [sys.executable, "-I", str(place / "run.py"), *options], check=True, capture_output=True, text=True, timeout=120
    )
    answers = [json.loads(line)["answer"] for line in done.stdout.splitlines()]
    assert answers == [["one", len(TRAIN), "5"], ["two", len(TRAIN), "5"]]


WRONG = {
    "{": "line 1 is not JSON",
    "[" * 100_000: "line 1 is nested too deeply",
    f'"first"\n{"1" * 400}': "line 2 has a whole number of more than 64 bits",
    "1" * 5000: "line 1 has a whole number of more than 64 bits",
    "18446744073709551616": "line 1 has a whole number of more than 64 bits",
    "-9223372036854775809": "line 1 has a whole number of more than 64 bits",
    "[NaN]": "line 1 has NaN, which is no finite number",
    "-Infinity": "line 1 has -Infinity, which is no finite number",
    "1e400": "line 1 has 1e400, which is no finite number",
    '"\\ud800"': "line 1 has half of a surrogate pair, which is no text",
    '{"data": {"a": 1, "a": 2}}': "line 1 has the key 'a' twice in one object",
    '{"id": 1, "data": 0}\n{"id": "1", "data": 0}': "line 2 has the id '1' for the second time",
    **{
        f'{{"id": {name}, "data": 0}}': "line 1 has an id that is neither text nor a whole number"
        for name in ("null", "true", "[1]", "1.5", "{}")
    },
    "": "the input holds no instance",
    "\n \n": "the input holds no instance",
}
"""Inputs, and what is said of each."""


@pytest.mark.parametrize("given", WRONG, ids=map(str, range(len(WRONG))))
def test_an_input_that_is_wrong_is_told_alike_with_and_without_sia(tmp_path: Path, given: str) -> None:
    with pytest.raises(SiaError) as refused:
        parse_input(given, "jsonl")
    assert WRONG[given] in refused.value.message
    place = tmp_path / "it"
    write(place, folder(checkout(files=files(LOOKS)), TRAIN))
    (tmp_path / "input.jsonl").write_text(given)
    words = [sys.executable, "-I", str(place / "run.py"), str(tmp_path / "input.jsonl")]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert WRONG[given] in done.stderr and len(done.stderr.splitlines()) == 1
    assert not done.stdout


@pytest.mark.parametrize("number", ["18446744073709551615", "-9223372036854775808", "1e308", "-0.0"])
def test_numbers_that_a_log_holds_are_taken(number: str) -> None:
    assert parse_input(number, "jsonl")[0].data == json.loads(number)


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    write(tmp_path / "it", folder(checkout(files=files(LOOKS)), TRAIN))
    (tmp_path / "input.jsonl").write_bytes(b'"caf\xe9"')
    words = [sys.executable, "-I", str(tmp_path / "it" / "run.py"), str(tmp_path / "input.jsonl")]
    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=60)
    assert done.stderr == f"run.py: {tmp_path / 'input.jsonl'} cannot be read (it is not UTF-8)\n"
