"""What a task imports: is it there, and where is it installed to? A folder of packages for each set of requirements.

Packages are installed on request only, as wheels only: building one would run foreign code outside the sandbox.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from domains import pip
from domains.contract import DataMissing
from domains.patience import patiently
from engine.errors import SiaError
from engine.importers.formats import Task

_MODELS = ["openai", "anthropic", "litellm", "google.generativeai", "google.genai", "together", "groq", "ollama"]
_MODELS += ["mistralai", "cohere", "langchain", "instructor", "optillm"]
_PROJECTS = {"sklearn": "scikit-learn", "cv2": "opencv-python-headless", "yaml": "PyYAML", "PIL": "pillow"}
_PROJECTS |= {"shinka": "shinka-evolve", "skimage": "scikit-image", "Bio": "biopython", "bs4": "beautifulsoup4"}
_PROJECTS |= {name: name for name in ("numpy", "scipy", "pandas", "matplotlib", "sympy", "networkx", "numba", "tqdm")}
_PROJECTS |= {name: name for name in ("jax", "optax", "torch", "requests", "openai", "anthropic", "openevolve")}
"""The projects that have these modules. A module that is not here is never installed by its mere name: whoever has
registered that name would decide what runs."""
_SERVED = ("openevolve.evaluation_result", "shinka.core")
"""The adapter has these where they are not installed: a result of two fields, and a loop around a function."""


def imports(folder: Path, *programs: str, always: bool = False) -> list[str]:
    """The modules that these programs and the modules beside them import, dotted, without those of the folder itself;
    with `always` only what is imported whenever they are: not in a function, not under a condition or a `try`.
    """
    waiting, seen, found = (
        [folder / program for program in programs if program.endswith(".py")],
        set[Path](),
        set[str](),
    )
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        for name in _imported(path, always=always):
            beside = [path.parent / f"{name.split('.')[0]}.py", path.parent / name.split(".")[0]]
            if any(place.exists() for place in beside):
                waiting.append(beside[0])
            else:
                found.add(name)
    return sorted(found)


def _imported(path: Path, *, always: bool) -> set[str]:
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return set()  # its own first evaluation says so
    found: set[str] = set()
    for node in tree.body if always else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def models(modules: Iterable[str]) -> list[str]:
    """Those of the modules that call language models."""
    return [name for name in modules if any(name == one or name.startswith(f"{one}.") for one in _MODELS)]


def missing(modules: Iterable[str], installed: Path) -> list[str]:
    """The top-level modules that neither this Python nor the folder `installed` has."""
    lacking: set[str] = set()
    for name in modules:
        top = name.split(".")[0]
        if name in _SERVED or top in sys.stdlib_module_names:
            continue
        if any((installed / place).exists() for place in (top, f"{top}.py")):
            continue
        try:
            there = importlib.util.find_spec(top) is not None
        except (ImportError, ValueError):
            there = False
        if not there:
            lacking.add(top)
    return sorted(lacking)


def required(folder: Path, task: Task, modules: Sequence[str]) -> list[str]:
    """What has to be installed: the task's requirements.txt, and well-known projects for modules that are nowhere.

    Raises `SiaError` for a line that is no plain requirement: an option, an address or a path would have pip fetch from
    where the task says.
    """
    from packaging.requirements import InvalidRequirement, Requirement

    wanted: list[str] = []
    listed = folder / "requirements.txt"
    lines = listed.read_text(encoding="utf-8", errors="replace").splitlines() if listed.is_file() else []
    for line in lines:
        text = line.split(" #")[0].strip()
        if not text or text.startswith("#"):
            continue
        try:
            found = Requirement(text)
        except InvalidRequirement:
            found = None
        if found is None or found.url:
            raise SiaError(
                f"{listed} asks for {text[:80]!r}, which is no plain requirement",
                "write a project's name and version, or install it yourself",
            )
        wanted.append(str(found))
    projects = {Requirement(text).name.lower().replace("_", "-") for text in wanted}
    more = [_PROJECTS[name] for name in modules if name in _PROJECTS]
    return wanted + [name for name in more if name.lower() not in projects]


def place_of(cache: Path, requirements: Sequence[str]) -> Path:
    """The folder of packages for these requirements; it need not exist."""
    name = hashlib.sha256(json.dumps([sys.version_info[:2], sorted(requirements)]).encode()).hexdigest()[:16]
    return cache / "packages" / name


def install(requirements: Sequence[str], place: Path, report: Callable[[str], None]) -> None:
    """Installs into `place`, whole or not at all; raises `SiaError` where the requirements do not resolve."""
    from engine.models.files.cache import once

    if place.is_dir() or not requirements:
        return
    report(f"installing {', '.join(requirements)}")

    def run(fresh: Path) -> None:
        shutil.rmtree(fresh, ignore_errors=True)  # of the try before
        pip.run(
            "install",
            requirements,
            "--target",
            str(fresh),
            scratch=fresh.parent,
            remedy="correct them, or install them yourself",
        )

    try:
        once(place, lambda fresh: patiently(lambda: run(fresh), report), report=report)
    except DataMissing as error:
        why = str(error).removesuffix(".")
        raise SiaError(f"the requirements of this task cannot be installed: {why}") from None
