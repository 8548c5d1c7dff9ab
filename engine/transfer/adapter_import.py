"""`import --adapter`: an adapter made elsewhere becomes the next candidate of a run, in a run of its own.

The new run is a fork of the run's end with the incumbent's harness under the adapter. The gate judges it as any other
candidate, and where it is accepted, the next training goes on from it.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path

import msgspec
from msgspec.structs import replace

from engine.core.state import State
from engine.errors import SiaError
from engine.events import types as t
from engine.loop.fork import ForkPlan, fork, state_at
from engine.models import catalog
from engine.models.files import foreign_adapter
from engine.models.files.checkpoint import weights_of
from engine.plain import well_formed
from engine.run.workspace import Workspace
from engine.weights.adapters import keep

MAKER = "another program"
"""The algorithm that the log names for an adapter that was not trained here."""


class ImportedAdapter(msgspec.Struct, frozen=True):
    """The adapter's id, the run made for it, its name, its parent's, and the generation that it becomes."""

    adapter: str
    run: str
    name: str
    parent: str
    generation: int


def import_adapter(workspace: Workspace, folder: Path, reference: str) -> ImportedAdapter:
    """Forks the run `reference` with the adapter in `folder` as its next candidate.

    Raises `SiaError`, and changes nothing, where the run's model cannot have the adapter.
    """
    with contextlib.closing(workspace.reader()) as reader:
        parent = reader.find(reference)
        state = state_at(reader, parent, parent.head_n)
    if not state.settings.model or state.incumbent is None:
        raise SiaError(
            f"{parent.name} has no candidate with a model that an adapter could change",
            "name a run of a task model whose first generation is done with --run",
        )
    if state.settings.lever == "best-of-n":
        raise SiaError(
            f"{parent.name} tries no candidate after its first, as its lever is best-of-n",
            "name another run with --run",
        )
    model = catalog.parse(state.settings.model)
    checkpoint = catalog.checkpoint_of(model)
    weights = weights_of(checkpoint)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            made = _copy(folder, Path(scratch), checkpoint, weights)
        except foreign_adapter.Unfit as error:
            raise SiaError(
                f"{folder} has no adapter for the model {state.settings.model} ({error})",
                "name a folder in PEFT's form, of a LoRA adapter that was trained on this model",
            ) from None
        known = set(_names(workspace))
        adapter = keep(workspace.path / "adapters", made, base=weights, architecture="", lineage={"made by": MAKER})
    try:
        base = weights if model.backend == "hf" else model.name
        origin = well_formed(folder.resolve().name)  # it may be `.`
        child = fork(workspace, _plan(parent.run, parent.head_n, state, adapter, base, origin))
    except BaseException:
        if adapter not in known:
            shutil.rmtree(workspace.path / "adapters" / adapter, ignore_errors=True)
        raise
    with contextlib.closing(workspace.reader()) as reader:
        return ImportedAdapter(adapter, child, reader.find(child).name, parent.name, state.generation + 1)


def _copy(folder: Path, made: Path, checkpoint: Path, weights: str) -> Path:
    """Copies the adapter, checks the copy against the model, and writes its configuration; returns `made`.

    What does not fit is not copied, however large it is. Raises `Unfit`.
    """
    names = (foreign_adapter.CONFIG, foreign_adapter.TENSORS)
    for name in names:
        if not (folder / name).is_file():
            raise foreign_adapter.Unfit(f"there is no {name} in it")
    foreign_adapter.config_for(folder, checkpoint, weights)
    for name in names:
        shutil.copyfile(folder / name, made / name)
    (made / foreign_adapter.CONFIG).write_bytes(foreign_adapter.config_for(made, checkpoint, weights))
    return made


def _names(workspace: Workspace) -> list[str]:
    return [path.name for path in (workspace.path / "adapters").glob("*")]


def _plan(parent: str, at: int, state: State, adapter: str, base: str, origin: str) -> ForkPlan:
    now = state.of(state.incumbent or 1).candidate
    if now.weights == adapter:
        raise SiaError("the adapter is the incumbent's", "name another folder")
    number = state.generation + 1
    trained = t.WeightsTrained(
        number=number,
        harness=now.harness,
        adapter=adapter,
        base=base,
        algorithm=MAKER,
        recipe={},
        key=adapter,
        rounds=0,
        ended=f"imported from the folder {origin}",
        author="person",
        reason="A person has imported the adapter.",
    )
    more = replace(state.settings, generations=number) if number > state.settings.generations else None
    return ForkPlan(parent=parent, at=at, settings=more, adapter=trained)
