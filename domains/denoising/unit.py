"""An instance of the denoising domain, with what only the verifier knows of it."""

from __future__ import annotations

from typing import NamedTuple

from domains.contract import Split
from domains.denoising import metrics
from domains.denoising.thinning import Thinning


class Unit(NamedTuple):
    """All that is known of an instance; only `thinning.shown` is anyone else's to see."""

    split: Split
    looked_at: bool
    thinning: Thinning
    anchors: metrics.Anchors
    labels: tuple[str, ...] | None
