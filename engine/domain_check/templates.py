"""Templates of domains: package data under `domains/templates`, each a complete domain that runs unchanged."""

from __future__ import annotations

import re
import shutil
import unicodedata
from pathlib import Path

import domains
from engine import domain_files
from engine.errors import SiaError

ABOUT = {
    "classify": "instances with labels, in three files of JSON lines",
    "program": "a program whose output is worth a score",
    "artefact": "a text that a checker accepts or not",
    "judge": "a text that a language model judges by a rubric",
}
"""The purpose of each template."""

_NAME = re.compile(r'^name = ".*"$', re.MULTILINE)


def create(folder: Path, template: str) -> list[Path]:
    """Creates a domain in `folder` from a template, named after the folder; returns the files written, in order.

    Raises `SiaError` if there is no such template, or if the folder exists and is not empty.
    """
    domain_files.check_path(str(folder))
    if template not in ABOUT:
        raise SiaError(f"there is no template {template!r}", f"choose one of {', '.join(ABOUT)}")
    if not folder.exists():
        folder.mkdir(parents=True, exist_ok=True)  # first, since `new/..` is another folder that may hold something
    if not folder.is_dir() or any(folder.iterdir()):
        raise SiaError(f"{folder} already exists and is not empty", "name a new folder: nothing is overwritten")
    source = Path(domains.__path__[0]) / "templates" / template
    shutil.copytree(source, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    spec = folder / "domain.toml"
    spec.write_text(_NAME.sub(f'name = "{domain_name(folder)}"', spec.read_text(), count=1))
    return sorted(path for path in folder.rglob("*") if path.is_file())


def domain_name(folder: Path) -> str:
    """The folder's name as a domain name: lower-case letters, digits, `.`, `_` and `-`, as in names of runs.

    Letters lose their accents, and what then is none of these becomes `-`.
    """
    letters = "".join(
        one for one in unicodedata.normalize("NFKD", folder.absolute().name) if not unicodedata.combining(one)
    )
    plain = re.sub(r"[^a-z0-9._-]+", "-", letters.lower()).strip("-._")
    return plain[:40] or "task"
