"""The packages that a task imports: whether they are installed, and a folder for each set of requirements.

Packages are installed on request only, and only as wheels: a build would run foreign code outside the sandbox.
"""

from __future__ import annotations

import ast
import codecs
import hashlib
import importlib.util
import json
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from domains import pip
from domains.contract import DataMissing
from domains.retry import with_retries
from engine.errors import SiaError
from engine.importers.formats import Task

_MODELS = ["openai", "anthropic", "litellm", "google.generativeai", "google.genai", "together", "groq", "ollama"]
_MODELS += ["mistralai", "cohere", "langchain", "instructor", "optillm"]
_SERVED = ("openai", "anthropic", "litellm", "langchain", "instructor")
"""Those that the model gateway of a sandbox can answer."""
_PROJECTS = {"sklearn": "scikit-learn", "cv2": "opencv-python-headless", "yaml": "PyYAML", "PIL": "pillow"}
_PROJECTS |= {"shinka": "shinka-evolve", "skimage": "scikit-image", "Bio": "biopython", "bs4": "beautifulsoup4"}
_PROJECTS |= {name: name for name in ("numpy", "scipy", "pandas", "matplotlib", "sympy", "networkx", "numba", "tqdm")}
_PROJECTS |= {name: name for name in ("jax", "optax", "torch", "requests", "openai", "anthropic", "openevolve")}
_PROJECTS |= {"dotenv": "python-dotenv", "pydantic": "pydantic", "litellm": "litellm"}
"""The projects that provide these modules. Other modules are never installed by name: the owner of that name on the
index would decide what runs."""
_PROVIDED = ("openevolve.evaluation_result", "shinka.core")
"""Modules that the adapter replaces if they are not installed: a result type, and a loop around a function."""


_HASH = re.compile(r"sha(256|384|512):[0-9a-f]+")


def imports(folder: Path, *programs: str, always: bool = False) -> list[str]:
    """The dotted modules that these programs, and the modules beside them, import; without modules of the folder.

    With `always`, only unconditional imports: not in a function, not under a condition or a `try`.
    """
    waiting = [folder / program for program in programs if program.endswith(".py")]
    seen, found = set[Path](), set[str]()
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
        return set()  # its first evaluation reports it
    found: set[str] = set()
    for node in tree.body if always else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            found.add(node.module)
    return found


def models(modules: Iterable[str]) -> list[str]:
    """The modules among them that call language models."""
    return [name for name in modules if any(name == one or name.startswith(f"{one}.") for one in _MODELS)]


def are_served(models: Iterable[str]) -> bool:
    """Whether a sandbox's gateway can answer all of these modules that call language models."""
    return all(any(name == one or name.startswith(f"{one}.") for one in _SERVED) for name in models)


def missing(modules: Iterable[str], installed: Path) -> list[str]:
    """The top-level modules that are neither in this Python nor in the folder `installed`."""
    absent: set[str] = set()
    for name in modules:
        top = name.split(".")[0]
        if name in _PROVIDED or top in sys.stdlib_module_names:
            continue
        if any((installed / place).exists() for place in (top, f"{top}.py")):
            continue
        try:
            there = importlib.util.find_spec(top) is not None
        except (ImportError, ValueError):
            there = False
        if not there:
            absent.add(top)
    return sorted(absent)


def required(folder: Path, task: Task, modules: Sequence[str]) -> list[str]:
    """What has to be installed: the task's requirements.txt, and well-known projects for missing modules.

    Requirements keep their hashes (`pip.run` takes both). Raises `SiaError` for a line that is not a plain requirement:
    with another option, an address or a path the task would decide where pip fetches from.
    """
    requirements: list[str] = []
    projects: set[str] = set()
    requirements_file = folder / "requirements.txt"
    for text in _lines(requirements_file) if requirements_file.is_file() else ():
        name, requirement = plain_requirement(text, requirements_file)
        projects.add(name)
        requirements.append(requirement)
    more = [_PROJECTS[name] for name in modules if name in _PROJECTS]
    return requirements + [name for name in more if name.lower() not in projects]


def plain_requirement(text: str, where: object) -> tuple[str, str]:
    """The project's name, and the requirement as `install` takes it; raises `SiaError` unless it is a plain one."""
    from packaging.requirements import InvalidRequirement, Requirement

    plain, *hashes = re.split(r"\s+--hash[= ]", text)
    try:
        found = Requirement(plain)
    except InvalidRequirement:
        found = None
    if found is None or found.url or not all(map(_HASH.fullmatch, hashes)):
        raise SiaError(
            f"{where} asks for {text[:80]!r}, which is not a plain requirement",
            "write a project's name and version, or install it yourself",
        )
    return found.name.lower().replace("_", "-"), " --hash=".join([str(found), *hashes])


def _lines(requirements_file: Path) -> Iterator[str]:
    """The lines as pip reads them: without comments, a line that ends in a backslash with the next one."""
    begun = ""
    content = requirements_file.read_bytes()
    encoding = "utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"
    for line in content.decode(encoding, "replace").split("\n"):
        text = re.sub(r"(^|\s)#.*", "", line).rstrip()
        begun += text.removesuffix("\\")
        if not text.endswith("\\") and begun.strip():
            yield begun.strip()
            begun = ""
    if begun.strip():
        yield begun.strip()


def packages_folder(cache: Path, requirements: Sequence[str]) -> Path:
    """The folder of packages for these requirements; it need not exist."""
    name = hashlib.sha256(json.dumps([sys.version_info[:2], sorted(requirements)]).encode()).hexdigest()[:16]
    return cache / "packages" / name


def install(requirements: Sequence[str], place: Path, report: Callable[[str], None]) -> None:
    """Installs into `place`, completely or not at all; raises `SiaError` if the requirements do not resolve."""
    from engine.models.files.cache import once

    if place.is_dir() or not requirements:
        return
    report(f"installing {', '.join(map(pip.without_hashes, requirements))}")

    def run(fresh: Path) -> None:
        shutil.rmtree(fresh, ignore_errors=True)  # left by an earlier try
        pip.run(
            "install",
            requirements,
            "--target",
            str(fresh),
            scratch=fresh.parent,
            remedy="correct them, or install them yourself",
        )

    try:
        once(place, lambda fresh: with_retries(lambda: run(fresh), report), report=report)
    except DataMissing as error:
        why = str(error).removesuffix(".")
        raise SiaError(f"the requirements of this task cannot be installed: {why}") from None
