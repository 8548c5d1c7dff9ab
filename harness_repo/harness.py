"""A harness as data: its files, its manifest, and the tunables that it declares."""

from __future__ import annotations

import ast
import hashlib
import math
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Literal

import msgspec

from harness_repo import evolvable
from harness_repo.evolvable import SKELETON
from harness_repo.structure import changes as structural
from harness_repo.structure.named import changes_of, values_of
from harness_repo.tunable import Tunable, Value

MAX_BYTES = 1 << 20
PYTHON = ("python", "python3")
"""As the first word of a command: the Python that runs harnesses."""
_MAX_NAME = 255
_MAX_PATH = 1024
_INT64 = 1 << 63


class HarnessInvalid(Exception):
    """The files are not a harness; the message says which rule they break."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`harness.toml`. A search of the tunables ends after `patience` rounds of probes without a gain.

    `evolve` names a Python file whose own numbers and operators are the tunables, in place of declared ones and of
    `params.toml` (see `harness_repo.evolvable`). A harness with a `command` is that program, in place of a module with
    `solve`; what it prints is its answer, as `text` or `json`, unless it writes one to the file $SIA_ANSWER.
    """

    name: str
    entry: str = "agent.py"
    packages: list[str] = []
    patience: int = 1
    evolve: str = ""
    command: list[str] = []
    answer: Literal["text", "json"] = "text"
    tunables: dict[str, Tunable] = {}


class Harness(msgspec.Struct, frozen=True):
    """A validated harness: relative POSIX paths to contents."""

    files: Mapping[str, bytes]
    manifest: Manifest
    params: dict[str, Value]

    def active(self, params: Mapping[str, Value]) -> dict[str, Tunable]:
        """The tunables that have an effect under `params`, in the order of declaration."""
        return {
            name: tunable
            for name, tunable in self.manifest.tunables.items()
            if all(params.get(other) in values for other, values in tunable.when.items())
        }

    @property
    def program(self) -> str:
        """The path of the Python program whose structure may change: one without declared tunables. Else empty."""
        if self.manifest.evolve or self.manifest.tunables:
            return self.manifest.evolve
        words = self.manifest.command
        path = next((word for word in words if word.endswith(".py")), "") if words else self.manifest.entry
        return path if path in self.files else ""

    @property
    def source(self) -> str:
        """The text of `program`."""
        return self.files[self.program].decode("utf-8", "surrogateescape")

    @property
    def skeleton(self) -> str:
        """What tells the structure of `program` from others, whatever the values of its tunables."""
        return str(self.params.get(SKELETON) or hashlib.sha256(self.files[self.program]).hexdigest()[:12])

    def changed(self, sentences: Sequence[str]) -> Harness:
        """The harness after these changes of its program's structure; raises `HarnessInvalid` if there is no such."""
        source = self.source
        for why in sentences:
            try:
                source = structural.changed(source, why, numbers=not self.manifest.evolve)
            except structural.Unknown as error:
                raise HarnessInvalid(f"{self.program}: {error}") from None
        return parse({**self.files, self.program: source.encode()})

    def with_params(self, params: Mapping[str, Value]) -> Harness:
        """The harness with other values, and with the structure that they name (see `harness_repo.structure.named`).

        Raises `HarnessInvalid` if one is not allowed.
        """
        sentences = changes_of(params)
        if sentences or (SKELETON in params and not self.manifest.tunables):
            changed = self if params.get(SKELETON) == self.skeleton else self.changed(sentences)
            if params.get(SKELETON) != changed.skeleton:
                raise HarnessInvalid(f"{self.program}: these changes lead to another program than they did")
            declared = changed.manifest.tunables.keys() & values_of(params).keys()
            return changed.with_params({name: params[name] for name in declared}) if declared else changed
        merged = {**self.params, **params}
        if self.manifest.evolve:
            return self._with_program_values(merged)
        return parse({**self.files, "params.toml": dump_params(merged)})

    def _with_program_values(self, values: Mapping[str, Value]) -> Harness:
        path = self.manifest.evolve
        for name, tunable in self.manifest.tunables.items():
            if not tunable.admits(values[name]):
                raise HarnessInvalid(f"{path}: {name} = {values[name]!r} is outside what may be searched")
        return parse({**self.files, path: evolvable.render(self.files[path].decode(), values).encode()})


def parse(files: Mapping[str, bytes]) -> Harness:
    """Checks that `files` are a valid harness (size, paths, manifest, parameters, syntax) and returns it."""
    if sum(len(path) + len(content) for path, content in files.items()) > MAX_BYTES:
        raise HarnessInvalid(f"the harness is larger than {MAX_BYTES >> 20} MB")
    for path in files:
        check_path(path)
    for path in files:
        for folder in PurePosixPath(path).parents:
            if folder.as_posix() in files:
                raise HarnessInvalid(f"{folder.as_posix()!r} is both a file and a folder")
    manifest = _toml(files, "harness.toml", Manifest)
    params = _toml(files, "params.toml", dict[str, Value]) if "params.toml" in files else {}
    for name, value in params.items():
        _check_number(f"params.toml: {name}", value)
    for name, tunable in manifest.tunables.items():
        _check_tunable(name, tunable, manifest.tunables)
        if name not in params:
            raise HarnessInvalid(f"params.toml gives no value for the tunable {name!r}")
        if not tunable.admits(params[name]):
            raise HarnessInvalid(f"params.toml: {name} = {params[name]!r} is outside what harness.toml declares")
    if manifest.command:
        _check_command(manifest.command, files)
    elif manifest.entry not in files:
        raise HarnessInvalid(f"the entry {manifest.entry!r} is not among the files")
    for path, content in files.items():
        if path.endswith(".py"):
            _check_python(path, content, entry=path == manifest.entry and not manifest.command)
    if manifest.evolve:
        manifest, params = _read_program(files, manifest)
    return Harness(files=dict(sorted(files.items())), manifest=manifest, params=params)


def read_folder(folder: Path, *, without: str = "") -> Harness:
    """Reads a harness from a folder, without byte code, hidden files and its subfolder `without`."""
    if not folder.is_dir():
        raise HarnessInvalid(f"{folder} is not a folder")
    files: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if relative.parts[0] == without or any(part[0] == "." or part == "__pycache__" for part in relative.parts):
            continue
        if path.is_symlink():
            raise HarnessInvalid(f"{relative} is a symbolic link")
        if path.is_file():
            files[relative.as_posix()] = path.read_bytes()
    return parse(files)


def dump_params(params: Mapping[str, Value]) -> bytes:
    """`params.toml` in canonical form: equal parameters give equal bytes."""
    return msgspec.toml.encode(dict(sorted(params.items())))


def _read_program(files: Mapping[str, bytes], manifest: Manifest) -> tuple[Manifest, dict[str, Value]]:
    """The manifest with the program's own tunables, and their current values."""
    if manifest.evolve not in files:
        raise HarnessInvalid(f"the program {manifest.evolve!r} is not among the files")
    if manifest.tunables or "params.toml" in files:
        raise HarnessInvalid("a harness whose program is searched declares no tunables of its own")
    try:
        tunables, values = evolvable.read(files[manifest.evolve].decode())
    except UnicodeDecodeError as error:
        raise HarnessInvalid(f"{manifest.evolve} is not UTF-8 text: {error}") from None
    return msgspec.structs.replace(manifest, tunables=tunables), values


def _toml(files: Mapping[str, bytes], path: str, kind: Any) -> Any:
    if path not in files:
        raise HarnessInvalid(f"{path} is missing")
    try:
        return msgspec.convert(tomllib.loads(files[path].decode("utf-8-sig")), kind)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise HarnessInvalid(f"{path}: {error}") from None


def check_path(path: str) -> None:
    """Raises `HarnessInvalid` unless `path` is a plain relative path, valid in git and every file system."""
    pure = PurePosixPath(path)
    if (
        not pure.parts
        or pure.is_absolute()
        or pure.as_posix() != path
        or len(path.encode("utf-8", "replace")) > _MAX_PATH
        or not all(map(_is_plain, pure.parts))
    ):
        raise HarnessInvalid(f"{path[:80]!r} is not a plain relative path")


def _is_plain(part: str) -> bool:
    # names that begin with .git are special to git; some file systems ignore case, or know git~1
    special = part == ".." or part.casefold().startswith((".git", "git~"))
    return not special and part.isprintable() and len(part.encode()) <= _MAX_NAME


def _check_number(where: str, value: Value) -> None:
    # the log is JSON: it holds no infinity, no NaN and no integer beyond 64 bits
    if isinstance(value, float) and not math.isfinite(value):
        raise HarnessInvalid(f"{where} = {value} is not a finite number")
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        raise HarnessInvalid(f"{where} is an integer beyond 64 bits")


def _check_tunable(name: str, tunable: Tunable, declared: Mapping[str, Tunable]) -> None:
    if tunable.type == "choice" and not tunable.choices:
        raise HarnessInvalid(f"harness.toml: the tunable {name!r} lists no choices")
    for value in (*tunable.choices, tunable.low, tunable.high):
        _check_number(f"harness.toml: the tunable {name!r}: a bound or choice", value)
    if tunable.type != "choice" and not tunable.low < tunable.high:
        raise HarnessInvalid(f"harness.toml: the tunable {name!r} needs low < high")
    if tunable.type == "int" and not (tunable.low.is_integer() and tunable.high.is_integer()):
        raise HarnessInvalid(f"harness.toml: the tunable {name!r} is an integer and needs whole bounds")
    if tunable.log and tunable.low <= 0:
        raise HarnessInvalid(f"harness.toml: the tunable {name!r} is logarithmic and needs low > 0")
    for other in tunable.when:
        if other not in declared or other == name:
            raise HarnessInvalid(
                f"harness.toml: the tunable {name!r} depends on {other!r}, which is not another tunable"
            )


def _check_command(command: list[str], files: Mapping[str, bytes]) -> None:
    if not all(word and word.isprintable() for word in command):
        raise HarnessInvalid("harness.toml: a word of the command is empty, or holds what cannot be printed")
    program = next((word for word in command[1:] if word.endswith(".py")), "") if command[0] in PYTHON else ""
    if program and program not in files:
        raise HarnessInvalid(f"the program {program!r} of the command is not among the files")


def _check_python(path: str, content: bytes, *, entry: bool) -> None:
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # the last two: nested too deeply
        raise HarnessInvalid(f"{path} does not parse: {str(error) or 'it is nested too deeply'}") from None
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    if entry and "solve" not in defined:
        raise HarnessInvalid(f"{path} defines no function solve(instance, ctx)")
