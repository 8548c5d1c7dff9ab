"""The pictures of a run that every domain has: scores, honest scores, training curves and costs, as SVG files."""

from __future__ import annotations

from pathlib import Path

from domains import atomic
from engine.core.state import State
from engine.errors import SiaError
from engine.events.reader import Reader, RunRow
from engine.queries.costs import costs
from sia_tui.cli.figures import run_figures
from sia_tui.cli.figures.figure import Figure
from sia_tui.cli.figures.svg import document


def write(reader: Reader, run: RunRow, state: State, folder: Path) -> list[str]:
    """Writes the pictures into `folder`; returns the names of the files.

    Raises `SiaError` where nothing was measured yet, and for a folder that cannot be written.
    """
    pictures = {f"{name}.svg": document(figures) for name, figures in _figures(reader, run, state).items() if figures}
    if not pictures:
        raise SiaError(f"{state.name} has nothing to draw yet", "wait until its first candidate was executed")
    try:
        for name, picture in pictures.items():
            atomic.write(folder / name, picture.encode(), durable=False)
    except OSError as error:
        raise SiaError(
            f"{folder} cannot be written ({error.strerror})", "name a folder that you may write, after --plots"
        ) from None
    return list(pictures)


def _figures(reader: Reader, run: RunRow, state: State) -> dict[str, list[Figure]]:
    found = {"scores": [one for one in (run_figures.scores(state), run_figures.honest(state)) if one]}
    found |= {f"training-{n}": some for n, some in run_figures.trained(reader.outline(run.run)).items()}
    found["cost"] = run_figures.costs(state.name, costs(reader.history(run.run))["generations"])
    return found
