"""An instance of the denoising domain with its private parts."""

from __future__ import annotations

from typing import NamedTuple

from domains.contract import Split
from domains.denoising import metrics
from domains.denoising.data.thinning import Thinning


class Unit(NamedTuple):
    """Everything about an instance; a harness sees only `thinning.shown`."""

    split: Split
    measures_structure: bool
    thinning: Thinning
    anchors: metrics.Anchors
    labels: tuple[str, ...] | None
