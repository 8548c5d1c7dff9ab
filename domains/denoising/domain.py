"""The denoising domain: thinnings of disjoint sets of cells. Held-out counts never leave this process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from domains.contract import Domain, Grade, Graded, Instance, Picture, Report, Split, Summary, Tool
from domains.denoising import answer as answers
from domains.denoising import baselines, biology, floor, metrics, plots, statistics
from domains.denoising.data import obtain, simulator
from domains.denoising.data.counts import Counts, check
from domains.denoising.data.cut import check_cut, cut
from domains.denoising.data.files import read
from domains.denoising.data.thinning import Thinning, thin
from domains.denoising.magic_client import Magic, version
from domains.denoising.unit import Unit

THINNINGS: Mapping[Split, int] = {"train": 6, "val": 10, "test": 10}
"""At least this many instances a split."""
STRUCTURE_THINNINGS = 3
"""Cell structure is measured for this many thinnings of each block of test cells."""


class Denoising:
    """Counts and their splits. `Instance.data` has the shown counts of one thinning; instances have no labels."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._key = counts.key()
        self._blocks = cut(counts)
        check_cut(counts, self._blocks)
        self._magic = Magic() if version() else None
        self._units: dict[str, Unit] = {}

    def digest(self) -> str:
        """SHA-256 over the counts, the splits, and the method of the floor."""
        known = (self._key, self._blocks, dict(THINNINGS), floor.basis(), floor.MARGIN)
        return hashlib.sha256(repr(known).encode()).hexdigest()

    def title(self) -> str:
        """The name of the data, which says if it is simulated, and which of its matrices was taken."""
        taken = f", counts from {self._counts.source}" if self._counts.source else ""
        return f"Denoising {self._counts.name}, {len(self._counts.cells)} cells{taken}"

    def instances(self, split: Split) -> Sequence[Instance]:
        """The thinnings of each block of cells of a split."""
        blocks = self._blocks[split]
        found = []
        for block, rows in enumerate(blocks):
            for number in range(ceil(THINNINGS[split] / len(blocks))):
                name = f"{split}-{block}-{number}"
                if name not in self._units:
                    self._units[name] = self._unit(split, number, name, rows)
                found.append(Instance(name, answers.counts_out(self._units[name].thinning.shown)))
        return found

    def _unit(self, split: Split, number: int, name: str, rows: Sequence[int]) -> Unit:
        thinning = thin(self._counts.matrix[rows], key=self._key, name=name)
        labels = self._counts.labels
        return Unit(
            split,
            split == "test" and number < STRUCTURE_THINNINGS,
            thinning,
            metrics.anchors(thinning.train, thinning.held_out),
            tuple(labels[row] for row in rows) if labels else None,
        )

    def grade(self, instance: Instance, answer: Any) -> Grade:
        """Upstream's mse_norm; the private score is the Poisson score with its arguments in the right order.

        Its floor is MAGIC's score. An invalid matrix scores 0 (no denoising) and is refused; so is a matrix in which a
        cell loses its sum.
        """
        unit = self._units[instance.id]
        try:
            matrix = answers.accept(answer, unit.thinning.shown)
        except answers.AnswerRefused as refusal:
            return Grade(0.0, refused=str(refusal), detail=f"refused: {refusal}")
        lost = answers.loss(matrix, unit.thinning.shown)
        genes = unit.thinning.genes
        denoised = matrix[:, genes]
        found = metrics.scores(unit.thinning.held_out, denoised, unit.anchors)
        return Grade(
            found.mse_norm,
            refused=lost,
            detail=f"refused: {lost}" if lost else "",
            honest=found.poisson_norm,
            floor=floor.lowest(unit.thinning, unit.anchors, unit.split, self._magic),
            measures={
                "poisson_norm, upstream's order": found.poisson_norm_upstream,
                **({} if lost else _extra_measures(unit, matrix, denoised)),
            },
        )

    def summarise(self, split: Split, graded: Sequence[Graded]) -> Summary:
        """No report beside the measures."""
        return Summary()

    def baselines(self, train: Sequence[Instance], on: Sequence[Instance]) -> Mapping[str, Sequence[Any]]:
        """Every method of `baselines.py`, and the held-out counts, one answer at a time."""
        units = [self._units[item.id] for item in on]
        found: dict[str, Sequence[Any]] = {
            name: Lazy([unit.thinning for unit in units], _on_shown(method))
            for name, method in baselines.methods(self._magic).items()
        }
        found["perfect (the held-out counts)"] = Lazy([unit.thinning for unit in units], _perfect)
        return found

    def tools(self, train: Sequence[Instance]) -> Sequence[Tool]:
        """Statistics of the matrix that is shown."""
        return [statistics.tool()]

    def plots(self, pictures: Sequence[Picture], points: Mapping[str, tuple[float, float]], folder: Path) -> list[str]:
        """UMAP and two marker genes, before and after, and a plot of the two scores."""
        units = {picture.instance: self._units[picture.instance] for picture in pictures}
        return plots.draw(self._counts, units, pictures, points, folder)


class Lazy(Sequence[Any]):
    """The answers of one method, computed on access: all of them would not fit into memory."""

    def __init__(self, thinnings: Sequence[Thinning], method: Callable[[Thinning], Any]) -> None:
        self._thinnings, self._method = thinnings, method

    def __len__(self) -> int:
        return len(self._thinnings)

    def __getitem__(self, place: Any) -> Any:
        made = self._method(self._thinnings[place])
        return answers.dense_out(made) if isinstance(made, np.ndarray) else answers.sparse_out(made)


def _on_shown(method: baselines.Method) -> Callable[[Thinning], Any]:
    return lambda thinning: method(thinning.shown)


def _perfect(thinning: Thinning) -> Any:
    """The held-out counts in the units of the shown ones; decoys have no held-out counts."""
    scale = thinning.train.sum() / thinning.held_out.sum()
    place = sparse.csr_matrix(
        ([1.0] * len(thinning.genes), (range(len(thinning.genes)), thinning.genes)),
        shape=(len(thinning.genes), thinning.shown.shape[1]),
    )
    return sparse.csr_matrix(thinning.held_out @ place * scale)


def _extra_measures(unit: Unit, matrix: Any, denoised: Any) -> dict[str, float]:
    """The reported measures; cell structure, which takes seconds, only for a few instances of `test`."""
    decoys = unit.thinning.decoys
    columns = matrix[:, decoys]
    found = {
        "correlation of shuffled genes": biology.invented_correlation(
            columns if isinstance(columns, np.ndarray) else columns.toarray()
        ),
        "correlation of shuffled genes before": biology.invented_correlation(unit.thinning.shown[:, decoys].toarray()),
    }
    if unit.measures_structure and unit.labels and len(set(unit.labels)) > 1:
        before, after = (biology.structure(one, unit.labels) for one in (unit.thinning.train, denoised))
        found |= dict(after) | {f"{name} before": value for name, value in before.items()}
    return found


def load(data: Path | None) -> Domain:
    """Opens `data`: a file or folder of counts, or the name of a public set; simulated counts without it."""
    if data is None:
        return Denoising(check(simulator.simulate()))
    return Denoising(read(data) if data.exists() else obtain.load_cached(data))


def fetch_named(data: Path, report: Report) -> Path:
    """Obtains the public set that `--data` names and returns its file in the cache."""
    return obtain.fetch(data, report)
