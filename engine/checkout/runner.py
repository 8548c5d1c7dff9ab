"""Answers with the harness in this folder, without sia: `python run.py --train train.jsonl instances.jsonl`.

Needs Python 3.11 or later and the packages that README.md lists. Instances are JSON lines: each a value, or an object
with "id", "data" and optionally "label". Answers go to standard output as JSON lines in the same order; the harness's
log goes to standard error. This is not a sandbox: the harness's code runs with your own rights.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import os
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec
from pathlib import Path
from typing import IO, Any, NamedTuple

HERE = Path(__file__).resolve().parent
RUNTIME = "_sia_runtime"
"""The name under which runtime/ is imported, which no harness uses for a module."""
ENVIRONMENT = {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""The sandbox's environment: without it a harness may answer differently on another machine."""


_DIGITS = 20
"""Of a whole number of 64 bits, with its sign."""


class Row(NamedTuple):
    """An instance of the input."""

    id: str
    data: Any
    label: Any = None


def read(lines: Iterable[str]) -> Iterator[Row]:
    """The instances in JSON lines; without an id the line number is the id. Raises `ValueError`."""
    seen: set[str] = set()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(
                line, object_pairs_hook=_table, parse_constant=_number, parse_float=_number, parse_int=_whole
            )
            json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise ValueError(f"line {number} is nested too deeply") from None
        except UnicodeEncodeError:
            raise ValueError(f"line {number} has half of a surrogate pair, which is no text") from None
        except json.JSONDecodeError as error:
            raise ValueError(f"line {number} is not JSON ({error})") from None
        except ValueError as error:
            raise ValueError(f"line {number} has {error}") from None
        whole = isinstance(value, dict) and "data" in value and value.keys() <= {"id", "data", "label"}
        given = value.get("id", number) if whole else number
        if type(given) not in (str, int):
            raise ValueError(f"line {number} has an id that is neither text nor a whole number")
        name = str(given)
        if name in seen:
            raise ValueError(f"line {number} has the id {name!r} for the second time")
        seen.add(name)
        yield Row(name, value["data"], value.get("label")) if whole else Row(name, value)


def _table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} twice in one object")
    return table


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS or not -(1 << 63) <= int(digits) < 1 << 64:
        raise ValueError("a whole number of more than 64 bits")
    return int(digits)


def _number(written: str) -> float:
    if not math.isfinite(number := float(written)):
        raise ValueError(f"{written}, which is no finite number")
    return number


def derive(seed: int, *purpose: str | int) -> int:
    """The seed that a run of sia uses for `purpose`."""
    material = json.dumps([seed, *purpose], separators=(",", ":"), ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(material.encode()).digest()[:6], "big")


def opaque_id(seed: int, name: str) -> str:
    """The id under which a run of sia shows the instance `name` to a harness."""
    material = json.dumps([seed, "id", name], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(material.encode()).hexdigest()[:20]


class Runner:
    """The prepared harness of this folder. It gets the same `ctx` as in the sandbox, without model and tools."""

    def __init__(self, facts: dict[str, Any], train: list[Row], folders: dict[str, str], scratch: Path) -> None:
        package = ModuleSpec(RUNTIME, None, is_package=True)
        package.submodule_search_locations = [str(HERE / "runtime")]
        sys.modules[RUNTIME] = module_from_spec(package)
        modules = ("context", "harness", "command")
        self._ctx, self._harness, self._command = (import_module(f"{RUNTIME}.{name}") for name in modules)
        self._facts, self._folders, self._scratch, self._folder = facts, folders, scratch, HERE / "harness"
        self._train = [self._instance(*row) for row in (train if facts["learns"] else [])]
        manifest = tomllib.loads((self._folder / "harness.toml").read_text(encoding="utf-8-sig"))
        chosen = self._folder / "params.toml"
        self._params = tomllib.loads(chosen.read_text(encoding="utf-8-sig")) if chosen.is_file() else {}
        self._solve: Callable[[Any, Any], Any] | None = None
        self._prepared: Any = None
        self._prepare_failure = self._prepare(manifest)

    def answers(self, todo: list[Row]) -> Iterator[dict[str, Any]]:
        """One result for each of `todo`, in order."""
        for row in todo:
            yield {"id": row.id, **(self._prepare_failure or self._run_in_child(row))}

    def _prepare(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        """Prepares the harness; returns its failure, if any, which is then that of every instance."""
        seed = derive(self._facts["seed"], "prepare")
        self._harness.enter(self._scratch, seed)
        try:
            how = manifest.get("entry", "agent.py"), self._context(seed, None)
            program = manifest.get("command", ()), manifest.get("answer", "text")
            self._solve, self._prepared = self._harness.prepare(str(self._folder), *how, *program)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # anything that a harness raises is its failure, SystemExit included
            return self._failure(error)
        return None

    def _instance(self, name: str, data: Any, label: Any = None) -> Any:
        return self._ctx.Instance(opaque_id(self._facts["seed"], name), data, label)

    def _context(self, seed: int, prepared: Any) -> Any:
        inputs = {"params": self._params, "folders": self._folders, "train": self._train}
        return self._ctx.Context(self._refuse, seed, **inputs, prepared=prepared)

    def _refuse(self, op: str, _payload: Any) -> None:
        if op == "tools.call":
            raise self._ctx.Refused(self._ctx.NO_TOOLS)
        has_model = bool(self._facts["model"])
        raise self._ctx.Refused("a checkout has no model; `sia apply` has" if has_model else self._ctx.NO_MODEL)

    def _run_in_child(self, row: Row) -> dict[str, Any]:
        """The result, computed in a child process if the system can fork, so that no `solve` affects the next."""
        if not hasattr(os, "fork"):
            return self._result(row)
        sys.stdout.flush()
        end, begin = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(end)
            try:
                output = json.dumps(self._result(row)).encode()
                with os.fdopen(begin, "wb") as pipe:
                    pipe.write(output)
                sys.stdout.flush()
            finally:
                os._exit(0)
        os.close(begin)
        with os.fdopen(end, "rb") as pipe:
            output = pipe.read()
        _, status = os.waitpid(child, 0)
        if not output:
            how = self._command.exit_text(os.waitstatus_to_exitcode(status))
            return {"failure": {"kind": "candidate", "message": f"ended without an answer ({how})"}}
        found: dict[str, Any] = json.loads(output)
        return found

    def _result(self, row: Row) -> dict[str, Any]:
        """What `solve` returns, as JSON, or its failure."""
        assert self._solve is not None  # noqa: S101 - else `_prepare_failure` is there
        seed = derive(self._facts["seed"], "instance", row.id, self._facts["repeat"])
        with tempfile.TemporaryDirectory(dir=self._scratch) as scratch:
            self._harness.enter(Path(scratch), seed)
            try:
                value = self._solve(self._instance(row.id, row.data), self._context(seed, self._prepared))
                found: dict[str, Any] = json.loads(json.dumps({"answer": value}, default=self._plain))
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                return self._failure(error)
            finally:
                os.chdir(self._scratch)
        return found

    def _plain(self, value: Any) -> Any:
        return base64.b64encode(value).decode() if isinstance(value, bytes) else self._harness.plain(value)

    def _failure(self, error: BaseException) -> dict[str, Any]:
        kind, message = self._harness.describe_failure(error, str(self._folder))
        return {"failure": {"kind": kind, "message": self._harness.one_line(message)}}


def _read_file(source: str) -> Iterator[Row]:
    content = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{source} cannot be read (it is not UTF-8)") from None
    return read(text.split("\n"))  # other ends of lines may stand within a text


def main() -> None:
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.environ.update(ENVIRONMENT)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - this very command
    sys.dont_write_bytecode = True  # no byte code in this folder
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("instances", help="a file of JSON lines, or - for standard input")
    parser.add_argument("--train", help="JSON lines with labels to learn from")
    parser.add_argument("--as-in-run", action="store_true", help="learn from what the run's Execution learnt from")
    parser.add_argument(
        "--folder", action="append", default=[], metavar="NAME=DIR", help="a folder of the domain, for ctx.folders"
    )
    chosen = parser.parse_args()
    facts = json.loads((HERE / "candidate.json").read_text(encoding="utf-8"))
    try:
        train = list(_read_file(chosen.train)) if chosen.train else []
        todo = list(_read_file(chosen.instances))
    except (OSError, ValueError) as error:
        sys.exit(f"run.py: {error}")
    if not todo:
        sys.exit("run.py: the input holds no instance; write one a line, as JSON")
    if chosen.as_in_run:
        held_out = set(facts["held_out"])
        train = [row for row in train if row.id not in held_out]
    folders = {name: str(Path(place).absolute()) for name, _, place in (one.partition("=") for one in chosen.folder)}
    out: IO[str] = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of the harness must not mix with the answers
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    failed = False
    with tempfile.TemporaryDirectory() as scratch:
        for answer in Runner(facts, train, folders, Path(scratch)).answers(todo):
            failed = failed or "failure" in answer
            print(json.dumps(answer, ensure_ascii=False), file=out, flush=True)
        os.chdir(HERE)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
