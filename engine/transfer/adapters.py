"""Adapters beside an exported run: `FILE.adapters/`, a folder each. On request only; no replay needs them.

An import is untrusted: it takes only adapters that the run names, only their known files, without the model card, and
only if the digest of these is the adapter's name.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from domains import atomic
from engine import containment
from engine.checkout import model_card
from engine.errors import SiaError
from engine.events import types as t
from engine.events.reader import Reader
from engine.models.files.adapter import FILES, MANIFEST
from engine.run import adapters
from engine.run.workspace import Workspace


def folder_beside(file: Path) -> Path:
    """The folder of the adapters of an exported run."""
    return file.with_name(f"{file.name}.adapters")


def names_of_run(reader: Reader, run: str) -> list[str]:
    """The adapters that the history of a run names."""
    end = reader.last_n(run)
    parts = ((part, end if until is None else until) for part, until in reader.segments(run))
    events = (event for part, n in parts for event in reader.of_type_in(part, t.WeightsTrained.type, after=0, until=n))
    return sorted({one.adapter for event in events if isinstance(one := event.payload, t.WeightsTrained)})


def pack(reader: Reader, run: str, workspace: Workspace, file: Path) -> list[str]:
    """Copies the run's adapters beside `file`, each with its model card; returns their names.

    Raises `SiaError` if one is missing or damaged.
    """
    names = names_of_run(reader, run)
    whole = {name: adapters.read_files(workspace.path, name) for name in names}
    if names:
        origin = model_card.origin(reader.history(run))
        whole = {
            name: {**files, model_card.NAME: model_card.card(origin, name).encode()} for name, files in whole.items()
        }
    for name, contents in whole.items():
        with atomic.create(folder_beside(file) / name) as fresh:
            fresh.mkdir()
            for path, content in contents.items():
                (fresh / path).write_bytes(content)
    return names


def unpack(reader: Reader, run: str, workspace: Workspace, file: Path) -> list[str]:
    """Imports the adapters beside `file`; returns the names of the new ones."""
    imported: list[str] = []
    for name in names_of_run(reader, run):
        target = containment.inside(workspace.path, "adapters", name)
        source = folder_beside(file) / name
        if not source.is_dir() or target.exists():
            continue
        if source.is_symlink() or not adapters.is_intact(source):
            raise SiaError(f"the files of the adapter {name[:12]} beside {file} are damaged", "export the run again")
        with atomic.create(target) as fresh:
            fresh.mkdir()
            for path in (*FILES, MANIFEST):
                if (source / path).is_file() and not (source / path).is_symlink():
                    shutil.copyfile(source / path, fresh / path)
        imported.append(name)
    return imported
