"""Answers with the harness in this folder, without sia: `python run.py --train train.jsonl instances.jsonl`.

Needs Python 3.11 or later and the packages that README.md lists. Instances are JSON lines: each a value, or an object
of "id", "data" and perhaps "label". Answers go to standard output as JSON lines in the same order; what the harness
logs goes to standard error. This is no sandbox: the harness's code runs with your own rights.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import random
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

HERE = Path(__file__).resolve().parent
SAME = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""What could make the same harness answer differently from one machine to the next."""


class Instance(NamedTuple):
    """What `solve` is given; `label` is filled for what the harness learns from."""

    id: str
    data: Any
    label: Any = None


def read(lines: Iterable[str]) -> Iterator[Instance]:
    """The instances of JSON lines; one without an id is called by the number of its line. Raises `ValueError`."""
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise ValueError(f"line {number} is nested too deeply") from None
        except ValueError as error:
            raise ValueError(f"line {number} is not JSON ({error})") from None
        whole = isinstance(value, dict) and "data" in value and value.keys() <= {"id", "data", "label"}
        name = str(value.get("id", number)) if whole else str(number)
        if name in seen:
            raise ValueError(f"line {number} has the id {name!r} for the second time")
        seen.add(name)
        yield Instance(name, value["data"], value.get("label")) if whole else Instance(name, value)


def derive(seed: int, *purpose: str | int) -> int:
    """The seed that a run of sia uses for `purpose`."""
    material = json.dumps([seed, *purpose], separators=(",", ":"), ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(material.encode()).digest()[:6], "big")


class Unavailable(Exception):
    """The harness asks for what is not here: a model, or a tool of its domain."""


class Absent:
    """Stands for `ctx.model` and `ctx.tools`."""

    def chat(self, *_: Any, **__: Any) -> NoReturn:
        raise Unavailable("there is no model here")

    def score(self, *_: Any, **__: Any) -> NoReturn:
        raise Unavailable("there is no model here")

    def call(self, *_: Any, **__: Any) -> NoReturn:
        raise Unavailable("there are no tools here")


class Context:
    """`ctx`: all that a harness may use beside its own files."""

    def __init__(self, params: dict[str, Any], train: list[Instance], seed: int, prepared: Any) -> None:
        self.params = dict(params)
        self.prepared = prepared
        self.rng = random.Random(seed)
        self.model = self.tools = Absent()
        self._train = train

    def train(self) -> list[Instance]:
        """The instances to learn from, with their labels."""
        return list(self._train)

    def log(self, *parts: Any) -> None:
        """Writes a line to standard error."""
        print(*parts, file=sys.stderr, flush=True)


def load(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The harness's entry as a module, and its parameters."""
    manifest = tomllib.loads((folder / "harness.toml").read_text(encoding="utf-8"))
    chosen = folder / "params.toml"
    params = tomllib.loads(chosen.read_text(encoding="utf-8")) if chosen.is_file() else {}
    path = folder / manifest.get("entry", "agent.py")
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module, params


def answer(solve: Callable[[], Any]) -> dict[str, Any]:
    """What `solve` returns, or how it failed."""
    try:
        found = {"answer": solve()}
        json.dumps(found, default=plain, ensure_ascii=False).encode()
    except Exception as error:
        kind = "model" if isinstance(error, Unavailable) else "candidate"
        return {"failure": {"kind": kind, "message": f"{type(error).__name__}: {error}"}}
    return found


def apart(solve: Callable[[], Any]) -> dict[str, Any]:
    """The same in a process of its own where the system can fork, so that no `solve` leaves anything to the next."""
    if not hasattr(os, "fork"):
        return answer(solve)
    sys.stdout.flush()
    end, begin = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(end)
        try:
            with os.fdopen(begin, "wb") as pipe:
                pipe.write(json.dumps(answer(solve), default=plain).encode())
            sys.stdout.flush()
        finally:
            os._exit(0)
    os.close(begin)
    with os.fdopen(end, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if not said:
        return {"failure": {"kind": "candidate", "message": f"the process ended with status {status}"}}
    found: dict[str, Any] = json.loads(said)
    return found


def plain(value: Any) -> Any:
    """NumPy's scalars and arrays become Python's own."""
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"an answer cannot hold a value of type {type(value).__name__}")


def seed_all(seed: int) -> None:
    """Seeds what is global."""
    random.seed(seed)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(seed % (1 << 32))


def answers(
    folder: Path, facts: dict[str, Any], train: list[Instance], todo: list[Instance]
) -> Iterator[dict[str, Any]]:
    """One result for each of `todo`, in order."""
    seed, repeat = facts["seed"], facts["repeat"]
    first = derive(seed, "prepare")
    seed_all(first)
    module, params = load(folder)
    ready = Context(params, train, first, None)
    prepared = module.prepare(ready) if hasattr(module, "prepare") else None
    for item in todo:
        own = derive(seed, "instance", item.id, repeat)

        def solve(item: Instance = item, own: int = own) -> Any:
            seed_all(own)
            given = Instance(item.id, item.data)
            return module.solve(given, Context(params, train, own, prepared))

        yield {"id": item.id, **apart(solve)}


def main() -> None:
    if any(os.environ.get(name) != value for name, value in SAME.items()):
        os.environ.update(SAME)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very command
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("instances", help="a file of JSON lines, or - for standard input")
    parser.add_argument("--train", type=Path, help="JSON lines with labels to learn from")
    parser.add_argument("--as-in-run", action="store_true", help="learn from what the run's Execution learnt from")
    chosen = parser.parse_args()
    facts = json.loads((HERE / "candidate.json").read_text(encoding="utf-8"))
    try:
        train = list(read(chosen.train.read_text(encoding="utf-8").split("\n"))) if chosen.train else []
        text = sys.stdin.read() if chosen.instances == "-" else Path(chosen.instances).read_text(encoding="utf-8")
        todo = list(read(text.split("\n")))
    except (OSError, ValueError) as error:
        sys.exit(f"run.py: {error}")
    if chosen.as_in_run:
        held_out = set(facts["held_out"])
        train = [item for item in train if item.id not in held_out]
    out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the harness prints is no answer
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        for row in answers(HERE / "harness", facts, train, todo):
            failed = failed or "failure" in row
            print(json.dumps(row, ensure_ascii=False), file=out, flush=True)
        os.chdir(HERE)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
