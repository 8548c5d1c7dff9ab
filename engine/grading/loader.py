"""Finds a domain by name or folder, and reads its description without running its code."""

from __future__ import annotations

import importlib.util
import sys
import tomllib
from pathlib import Path
from typing import cast

import msgspec

import domains
from domains.contract import DomainModule, Spec
from engine import domain_files
from engine.errors import SiaError
from engine.importers.adopted import AdoptedTask, adopt
from engine.user_path import expanded


class Folder(msgspec.Struct, frozen=True):
    """A domain's folder and its `domain.toml`; `source` is how a run refers to it.

    `adopted` is set if the domain was made of another tool's task.
    """

    path: Path
    source: str
    spec: Spec
    adopted: AdoptedTask | None = None

    def seed(self, model: str) -> Path:
        """The seed harness: `harness-lm/` where there is one and the run has a task `model`, else `harness/`."""
        folder = self.path / "harness-lm"
        return folder if model and folder.is_dir() else self.path / "harness"

    @property
    def verifier(self) -> Path | None:
        """The folder of the domain's verifier, which runs on each answer before it is graded, if it has one."""
        folder = self.path / "verifier"
        return folder if folder.is_dir() else None

    @property
    def host(self) -> Path | None:
        """The folder of the host that runs a program in a sandbox apart from its verifier, if the task has one."""
        return self.path / "host" if self.adopted and self.adopted.apart else None

    def folders(self, below: str = ".") -> dict[str, str]:
        """The folders that a harness, or with `below` the verifier, may read, by their names in `ctx.folders`."""
        candidates = {"given": self.path / below / "given"}
        if self.adopted:
            candidates["packages"] = self.adopted.packages
        return {name: str(folder) for name, folder in candidates.items() if folder.is_dir()}

    def remedy(self, data: Path | None) -> str:
        """What a user can do about a domain that fails: its code is theirs only where it is a folder of their own."""
        if self.adopted:
            return "correct the files of the task"
        if self.source not in built_in():
            return "correct its domain.py"
        return f"check {data}" if data else "report it: this is a mistake of ours"

    def code_digest(self) -> str:
        """SHA-256 over the domain's files without its README and its seed harnesses, which are commits.

        Empty for a built-in domain, or no run could be resumed after an upgrade: its code comes with the release, and
        its data digest changes when its meaning changes.
        """
        if self.source in built_in():
            return ""
        if self.adopted:
            return self.adopted.digest
        return domain_files.digest(self.path, without=("harness", "harness-lm", "README.md"))


def built_in() -> list[str]:
    """The names of the built-in domains."""
    root = Path(domains.__path__[0])
    return sorted(path.parent.name for path in root.glob("*/domain.toml"))


def find(reference: str) -> Folder:
    """A domain by its built-in name or its folder, or another tool's task; raises `SiaError` if there is none."""
    builtin = reference in built_in()
    path = Path(domains.__path__[0]) / reference if builtin else expanded(reference).absolute()
    if not builtin:
        domain_files.check_path(reference)
        domain_files.check_path(str(path))
    if not (path / "domain.toml").is_file() and (adopted := adopt(path)) is not None:
        spec = msgspec.convert(tomllib.loads((adopted.path / "domain.toml").read_text()), Spec)
        if (noise := adopted.noise) is not None:
            spec = msgspec.structs.replace(spec, noisy=noise.noisy, failure_score=noise.failure_score)
        return Folder(path=adopted.path, source=str(path), spec=spec, adopted=adopted)
    if not (path / "domain.toml").is_file():
        raise SiaError(
            f"there is no domain {reference!r}",
            f"choose one of {', '.join(built_in())}, or name a folder with a domain.toml or a known task",
        )
    if not builtin:
        domain_files.files(path)
    try:
        spec = msgspec.convert(tomllib.loads((path / "domain.toml").read_text(encoding="utf-8-sig")), Spec)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise SiaError(f"{path / 'domain.toml'} is not valid: {error}", "correct it") from None
    return Folder(path=path, source=reference if builtin else str(path), spec=spec)


def check_module(folder: Folder) -> None:
    """Raises `SiaError` where the domain has no code to be loaded."""
    if not (folder.path / "domain.py").is_file():
        raise SiaError(f"{folder.path} has no domain.py", "write one: docs/writing-a-domain.md shows how")


def load_module(folder: Path) -> DomainModule:
    """Imports `domain.py`. Called in the grading and fetching processes only."""
    name = f"domains.{folder.name}.domain"
    if Path(domains.__path__[0]) == folder.parent:
        return cast("DomainModule", importlib.import_module(name))
    sys.path.insert(0, str(folder))
    found = importlib.util.spec_from_file_location("domain", folder / "domain.py")
    assert found and found.loader  # noqa: S101 - a Python file
    module = importlib.util.module_from_spec(found)
    sys.modules["domain"] = module
    found.loader.exec_module(module)
    return cast("DomainModule", module)
