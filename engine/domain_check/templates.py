"""Domain folders to begin with: package data under `domains/templates`, each a whole domain that runs as it is."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import domains
from engine import tree
from engine.errors import SiaError

ABOUT = {
    "classify": "instances with labels, in three files of JSON lines",
    "program": "a program whose output is worth a score",
    "artefact": "a text that a checker accepts or not",
    "judge": "a text that a language model judges by a rubric",
}
"""By name, what a template is for."""

_NAME = re.compile(r'^name = ".*"$', re.MULTILINE)


def create(folder: Path, template: str) -> list[Path]:
    """Makes `folder` a domain after a template, named like the folder; what was written, in order.

    Raises `SiaError` where there is no such template, or the folder is there and holds anything.
    """
    tree.check_path(str(folder))
    if template not in ABOUT:
        raise SiaError(f"there is no template {template!r}", f"choose one of {', '.join(ABOUT)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SiaError(f"{folder} is there and not empty", "name a new folder: nothing is written over")
    source = Path(domains.__path__[0]) / "templates" / template
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    spec = folder / "domain.toml"
    spec.write_text(_NAME.sub(f'name = "{domain_name(folder)}"', spec.read_text(), count=1))
    return sorted(path for path in folder.rglob("*") if path.is_file())


def domain_name(folder: Path) -> str:
    """The folder's name as the name of a domain: small letters, digits, `.`, `_` and `-`, of which runs are named."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", folder.absolute().name.lower()).strip("-._")
    return plain[:40] or "task"
