"""A folder that is taken away: the same bytes each time, nothing written over, and a runner that needs no sia."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
from msgspec.structs import replace

from domains.contract import Instance
from engine.checkout import runner
from engine.checkout.folder import Checkout, check_empty, folder, load, write
from engine.checkout.merged import Merge
from engine.errors import SiaError
from engine.events import types as t
from engine.run import adapters
from engine.seeds import derive
from tests.histories import SEED_HARNESS, Memory, Play, started
from tests.training import adapter

TRAIN = [Instance(f"train-{i}", i, 3 * i) for i in range(6)]
LEARNS = b"""
import random

def prepare(ctx):
    return {case.data: case.label for case in ctx.train()}, ctx.rng.random()

def solve(instance, ctx):
    print("noise on standard output")
    ctx.log("asked", instance.data, instance.label)
    if instance.data == "raise":
        raise ValueError("asked to")
    if instance.data == "leave":
        import os
        os._exit(7)
    if instance.data == "model":
        return ctx.model.chat([])
    known, drawn = ctx.prepared
    known["seen"] = known.get("seen", 0) + 1
    return [known.get(instance.data), drawn, ctx.rng.random(), random.random(), known["seen"], ctx.params["skill"]]
"""


def checkout(generation: int | None = None, files: dict[str, bytes] | None = None) -> Checkout:
    log = Memory()
    Play(log, started()).to_rest()
    found = load(log, SimpleNamespace(run=log.run), generation)  # type: ignore[arg-type]
    return replace(found, files=files) if files else found


def run(place: Path, *arguments: str, text: str = "") -> tuple[int, list[dict[str, object]], str]:
    done = subprocess.run(
        [sys.executable, "-I", str(place / "run.py"), *arguments],
        check=False, input=text, capture_output=True, text=True, timeout=60,
        env={"PATH": os.environ["PATH"]}, cwd="/",
    )  # fmt: skip
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def test_the_same_candidate_gives_the_same_bytes() -> None:
    assert folder(checkout(), TRAIN) == folder(checkout(), TRAIN)
    assert folder(checkout(1)) != folder(checkout(2))


def test_the_incumbent_is_taken_unless_a_generation_is_named() -> None:
    best = checkout()
    assert best.generation.n == best.state.incumbent == 3
    assert checkout(2).generation.n == 2
    files = folder(best)
    assert files["harness/params.toml"] == b"skill = 2\n"
    readme = files["README.md"].decode()
    assert "generation 3" in readme and best.generation.candidate.harness in readme and "0.3000 ± 0.0000" in readme
    assert sorted(files) == list(files)


def test_data_goes_along_only_on_demand() -> None:
    assert "train.jsonl" not in folder(checkout())
    lines = folder(checkout(), TRAIN)["train.jsonl"].decode().splitlines()
    assert json.loads(lines[2]) == {"id": "train-2", "data": 2, "label": 6}
    with pytest.raises(SiaError, match="JSON"):
        folder(checkout(), [Instance("a", b"bytes")])


@pytest.mark.parametrize("generation", [0, 4, -1])
def test_a_generation_that_there_is_not_is_refused(generation: int) -> None:
    with pytest.raises(SiaError, match="has no generation"):
        checkout(generation)


def test_without_an_incumbent_there_is_nothing_to_take() -> None:
    log = Memory()
    log.append([(0, started())])
    with pytest.raises(SiaError, match="no incumbent"):
        load(log, SimpleNamespace(run=log.run), None)  # type: ignore[arg-type]


def test_trained_weights_come_along_whole_or_not_at_all(tmp_path: Path) -> None:
    log = Memory()
    Play(log, started()).to_rest()
    name = adapter(tmp_path / "adapters", "hf:base", "an adapter")
    trained = t.WeightsTrained(4, "0" * 40, name, "hf:base", "grpo", {}, "key", 1, "done", "search", "on a stall")
    log.append([(3, trained), (3, t.GenerationStarted(t.Candidate("0" * 40, weights=name)))])
    found = load(log, SimpleNamespace(run=log.run), 4)  # type: ignore[arg-type]
    files = folder(found, adapter=adapters.read_files(tmp_path, name))
    assert files["adapter/adapter_config.json"] == b"an adapter"
    assert json.loads(files["candidate.json"])["weights"] == name
    assert name in files["README.md"].decode()
    (tmp_path / "adapters" / name / "adapter_config.json").write_text("another")
    with pytest.raises(SiaError, match="damaged"):
        adapters.read_files(tmp_path, name)
    with pytest.raises(SiaError, match="not in this workspace"):
        adapters.read_files(tmp_path, "1" * 64)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    place = tmp_path / "best"
    write(place, folder(checkout()))
    before = (place / "README.md").read_bytes()
    with pytest.raises(SiaError, match="not an empty folder"):
        write(place, folder(checkout(1)))
    assert (place / "README.md").read_bytes() == before
    with pytest.raises(SiaError, match="not an empty folder"):
        check_empty(place / "README.md")
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", {"a/b": b"c"})
    assert (tmp_path / "empty" / "a" / "b").read_bytes() == b"c"


def test_the_runner_answers_under_the_runs_seeds_and_types_its_failures(tmp_path: Path) -> None:
    best = checkout(files={**SEED_HARNESS, "agent.py": LEARNS})
    write(tmp_path / "it", folder(best, TRAIN))
    train = str(tmp_path / "it" / "train.jsonl")
    held_out = json.loads((tmp_path / "it" / "candidate.json").read_text())["held_out"]
    assert held_out == best.held_out == ["train-0", "train-1"]
    asked = ['{"id": "train-0", "data": 0, "label": "never shown"}', "4", "", '"raise"', '"leave"', '"model"', "4"]
    status, rows, log = run(tmp_path / "it", "--train", train, "-", text="\n".join(asked))
    assert status == 1
    assert [row["id"] for row in rows] == ["train-0", "2", "4", "5", "6", "7"]

    def expected(label: int, name: str) -> list[object]:
        own = derive(7, "instance", name, 0)
        draws = [random.Random(seed).random() for seed in (derive(7, "prepare"), own, own)]
        return [label, *draws, 1, 0]

    assert rows[0]["answer"] == expected(0, "train-0")
    assert rows[1]["answer"] == expected(12, "2")
    assert rows[5]["answer"] == expected(12, "7")  # nothing was left behind by the others
    kinds = [row["failure"]["kind"] for row in rows if "failure" in row]  # type: ignore[index]
    assert kinds == ["candidate", "candidate", "model"]
    assert "asked 0 None" in log and "noise" in log and "never shown" not in log
    status, rows, _ = run(tmp_path / "it", "--train", train, "--as-in-run", "-", text="0\n4")
    assert status == 0
    assert [row["answer"][0] for row in rows] == [None, 12]  # type: ignore[index]


@pytest.mark.parametrize("text", ["{", '{"id": "a", "data": 1}\n{"id": "a", "data": 2}', '"\\ud800"', "[" * 100_000])
def test_the_runner_refuses_what_is_no_input(tmp_path: Path, text: str) -> None:
    write(tmp_path / "it", folder(checkout()))
    status, rows, log = run(tmp_path / "it", "-", text=text)
    assert (status, rows) == (1, [])
    assert log.startswith("run.py: line ") and "Traceback" not in log


@pytest.mark.parametrize("name", ["a", "é 案", 'quo"te\\', "tab\t\x01\x7f", "\u2028"])
def test_the_runner_derives_the_engines_seeds(name: str) -> None:
    assert runner.derive(3, "instance", name, 2) == derive(3, "instance", name, 2)


def test_the_runner_needs_nothing_beyond_the_standard_library() -> None:
    assert runner.__file__
    code = f"import runpy, sys; runpy.run_path({runner.__file__!r}); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    modules = {name.split(".")[0] for name in msgspec.json.decode(done.stdout.replace("'", '"'), type=list[str])}
    assert modules <= set(sys.stdlib_module_names) | {"__main__", "sitecustomize", "_distutils_hack"}


def test_a_checkout_that_fails_leaves_no_folder_and_an_empty_folder_is_filled(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        write(tmp_path / "new", {"a": b"1", "a/b": b"no folder can be here"})
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "empty").mkdir()
    before = (tmp_path / "empty").stat().st_ino  # a mount, or a shell's current folder, stays what it is
    for place in (tmp_path / "empty", tmp_path / "new"):
        write(place, {"a/b": b"1"})
        assert (place / "a" / "b").read_bytes() == b"1"
    assert (tmp_path / "empty").stat().st_ino == before


@pytest.mark.parametrize("exists", [True, False])
def test_a_merge_that_fails_leaves_the_place_as_it_was(tmp_path: Path, exists: bool) -> None:
    class Fails:
        def write(self, target: Path) -> None:
            target.mkdir()
            (target / "model.safetensors").touch()
            raise MemoryError

    place = tmp_path / "best"
    if exists:
        place.mkdir()
    with pytest.raises(MemoryError):
        write(place, folder(checkout()), Fails())  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.rglob("*")] == (["best"] if exists else [])


@pytest.mark.parametrize("exists", [True, False])
def test_the_files_of_a_merge_have_the_mode_of_all_others(tmp_path: Path, exists: bool) -> None:
    class Merges:
        def write(self, target: Path) -> None:
            target.mkdir()
            (target / "model.safetensors").touch(0o600)
            (target / "config.json").touch()

    place = tmp_path / "best"
    if exists:
        place.mkdir()
    before = os.umask(0o027)
    try:
        write(place, folder(checkout()), Merges())  # type: ignore[arg-type]
    finally:
        os.umask(before)
    modes = {path.stat().st_mode & 0o777 for path in place.rglob("*") if path.is_file()}
    assert modes == {0o640}


def test_without_weights_or_torch_nothing_is_merged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SiaError, match="there is nothing to merge"):
        Merge("hf:smollm2", tmp_path, None)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(SiaError, match="torch is not installed"):
        Merge("hf:smollm2", tmp_path, "1" * 64)
