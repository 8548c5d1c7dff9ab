"""Merges two versions of a harness that were made from a third: git's merge of three files, and values one by one."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from harness_repo.harness import Harness, HarnessInvalid, dump_params, parse
from harness_repo.repository import GitMissing
from harness_repo.tunable import Value

_PARAMS = "params.toml"
_NAMES = ("one", "base", "other")


def merge(base: Mapping[str, bytes], one: Mapping[str, bytes], other: Mapping[str, bytes]) -> Harness | None:
    """The harness with what `one` and `other` each changed in `base`.

    None where they changed the same lines or values in different ways, or where what comes out is no harness. Raises
    `GitMissing`.
    """
    files: dict[str, bytes] = {}
    for path in sorted((base.keys() | one.keys() | other.keys()) - {_PARAMS}):
        kept, content = _merged(base.get(path), one.get(path), other.get(path))
        if not kept:
            return None
        if content is not None:
            files[path] = content
    try:
        values = _values(*(parse(version) for version in (base, one, other)))
        if values is None:
            return None
        return parse(files | ({_PARAMS: dump_params(values)} if any(_PARAMS in one for one in (one, other)) else {}))
    except HarnessInvalid:
        return None


def _merged(base: bytes | None, one: bytes | None, other: bytes | None) -> tuple[bool, bytes | None]:
    """Whether there is no conflict, and the content; None where there is no file."""
    if other in (one, base):
        return True, one
    if one == base:
        return True, other
    if base is None or one is None or other is None:
        return False, None
    return _by_git(base, one, other)


def _by_git(base: bytes, one: bytes, other: bytes) -> tuple[bool, bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
    with tempfile.TemporaryDirectory(prefix="sia-merge-") as folder:
        for name, content in zip(_NAMES, (one, base, other), strict=True):
            (Path(folder) / name).write_bytes(content)
        command = ["git", "merge-file", "-p", "--quiet", *_NAMES]
        environment["GIT_CEILING_DIRECTORIES"] = str(Path(folder).parent)  # no repository around it
        try:
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, check=False)
        except OSError as error:
            raise GitMissing(f"git cannot be started: {error.strerror}") from error
    return done.returncode == 0, done.stdout


def _values(base: Harness, one: Harness, other: Harness) -> dict[str, Value] | None:
    """The values of parameters; None where both changed one in different ways."""
    merged: dict[str, Value] = {}
    for name in {**one.params, **other.params}:
        found = [harness.params.get(name) for harness in (base, one, other)]
        before, first, second = found
        if first != second and before not in (first, second):
            return None
        value = second if first == before else first
        if value is not None:
            merged[name] = value
    return merged
