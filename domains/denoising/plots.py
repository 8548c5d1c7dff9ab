"""Plots of answers: a UMAP of cells, two marker genes, and the two scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from domains.contract import DataMissing, Picture
from domains.denoising import answer, biology

if TYPE_CHECKING:
    from domains.denoising.data.counts import Counts
    from domains.denoising.unit import Unit

DPI = 120
LOWEST = -0.2
"""Private scores below this are drawn here, with their value: all zeros would compress the rest."""


def draw(
    counts: Counts,
    units: Mapping[str, Unit],
    pictures: Sequence[Picture],
    points: Mapping[str, tuple[float, float]],
    folder: Path,
) -> list[str]:
    """Writes umap.png, markers.png and pareto.png into `folder`; raises `DataMissing` without matplotlib and scanpy."""
    try:
        import matplotlib as mpl
        import scanpy  # noqa: F401 - asked for before anything is drawn
    except ImportError:
        raise DataMissing("pictures are drawn with scanpy: `pip install 'sia-tui[denoising]'`.") from None
    mpl.use("Agg")
    mpl.rcParams["figure.constrained_layout.use"] = True
    panels: list[tuple[str, Unit, np.ndarray]] = []
    for picture in pictures:
        unit = units[picture.instance]
        if not panels:
            panels.append(("as shown", unit, unit.thinning.train.toarray()))
        matrix = answer.accept(picture.answer, unit.thinning.shown)[:, unit.thinning.genes]
        panels.append((picture.name, unit, matrix if isinstance(matrix, np.ndarray) else matrix.toarray()))
    drawn = []
    if panels:
        drawn += [_umap(counts.name, panels, folder), _markers(counts, panels, folder)]
    if points:
        drawn.append(_pareto(counts.name, points, folder))
    return drawn


def _umap(title: str, panels: Sequence[tuple[str, Unit, np.ndarray]], folder: Path) -> str:
    import anndata
    import scanpy

    figure, axes = _panels(title, len(panels))
    for axis, (name, unit, matrix) in zip(axes, panels, strict=True):
        cells = anndata.AnnData(obsm={"X_pca": biology.embed(matrix)}, shape=(len(matrix), 0))
        scanpy.pp.neighbors(cells, n_neighbors=min(15, len(matrix) - 1), use_rep="X_pca", random_state=0)
        scanpy.tl.umap(cells, random_state=0)
        _scatter(axis, cells.obsm["X_umap"], unit.labels)
        axis.set(title=name, xlabel="UMAP 1", ylabel="UMAP 2", xticks=[], yticks=[])
    return _save(figure, axes, folder, "umap.png")


def _markers(counts: Counts, panels: Sequence[tuple[str, Unit, np.ndarray]], folder: Path) -> str:
    """A scatter plot of the two genes with the largest variance for their mean in the shown counts."""
    _, unit, shown = panels[0]
    mean = shown.mean(axis=0)
    spread = np.where(mean > 0, shown.var(axis=0) / np.maximum(mean, 1e-9), 0)
    pair = np.argsort(-spread)[:2]
    first, second = (counts.genes[column] for column in unit.thinning.columns[pair])
    figure, axes = _panels(counts.name, len(panels))
    for axis, (name, unit, matrix) in zip(axes, panels, strict=True):
        _scatter(axis, np.log1p(matrix[:, pair]), unit.labels)
        axis.set(title=name, xlabel=f"{first}, log1p counts", ylabel=f"{second}, log1p counts")
    return _save(figure, axes, folder, "markers.png")


def _pareto(title: str, points: Mapping[str, tuple[float, float]], folder: Path) -> str:
    import matplotlib.pyplot as plt

    points = {name: place for name, place in points.items() if not name.startswith("perfect")}  # it is (1, 1)
    figure, axis = plt.subplots(figsize=(7, 5))
    for name, (score, honest) in points.items():
        ours = name.startswith("generation")
        below = honest < LOWEST
        mark, colour = "v" if below else "o" if ours else "s", "tab:orange" if ours else "tab:blue"
        place = (score, max(honest, LOWEST))
        axis.plot(*place, mark, color=colour)
        text = f"{name} (honest {honest:.1f})" if below else name
        axis.annotate(text, place, fontsize=7, xytext=(4, 3), textcoords="offset points")
    axis.margins(x=0.15, y=0.1)
    axis.set(title=title, xlabel="mse_norm (public)", ylabel="Poisson score in the true order (honest)")
    return _save(figure, [], folder, "pareto.png")


def _panels(title: str, number: int) -> tuple[Any, list[Any]]:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, number, figsize=(4.2 * number, 4.2), squeeze=False)
    figure.suptitle(title)
    return figure, list(axes[0])


def _scatter(axis: Any, points: np.ndarray, labels: Sequence[str] | None) -> None:
    kinds = sorted(set(labels)) if labels else [""]
    for number, kind in enumerate(kinds):
        of = np.array([label == kind for label in labels]) if labels else np.ones(len(points), dtype=bool)
        axis.scatter(*points[of].T, s=10, color=f"C{number % 10}", label=kind or None)


def _save(figure: Any, axes: Sequence[Any], folder: Path, name: str) -> str:
    import matplotlib.pyplot as plt

    if axes and axes[-1].get_legend_handles_labels()[1]:
        axes[-1].legend(fontsize=7)
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / name, dpi=DPI)
    plt.close(figure)
    return name
