"""Simulated counts, the default without data. Always labelled as simulated; they permit no biological conclusions.

A cell belongs to one of six types of unequal size. A gene has a mean (log-normal over genes); in each type some genes
are raised or lowered (log-normal factors), along with a gradient within the type (a programme of genes that rises from
cell to cell). Library sizes are log-normal. Counts are gamma-Poisson: mean = library size x profile, with a dispersion
of `DISPERSION`. The form is that of Splatter (Zappia et al., 2017) without dropout, which droplet data does not need
(Svensson, 2020). Everything follows from `seed`.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from domains.denoising.data.counts import Counts

SHARES = (0.30, 0.25, 0.18, 0.14, 0.09, 0.04)  # the last is the rare type
DONORS = 6
LIBRARY = 4000.0
DISPERSION = 0.2
_CHUNK = 512


def simulate(cells: int = 480, genes: int = 4000, seed: int = 1, library: float = LIBRARY) -> Counts:
    """`cells` x `genes` counts of six types and six donors, about `library` a cell; memory is linear in the counts."""
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0.0, 1.8, genes)
    profiles = np.stack([base * _factors(rng, genes, share=0.12, scale=1.2) for _ in SHARES])
    programmes = np.stack([np.log(_factors(rng, genes, share=0.08, scale=0.8)) for _ in SHARES])
    donors = np.stack([_factors(rng, genes, share=0.05, scale=0.4) for _ in range(DONORS)])
    kind = rng.choice(len(SHARES), cells, p=SHARES)
    donor = np.arange(cells) % DONORS
    totals = library * rng.lognormal(0.0, 0.4, cells)
    place = rng.uniform(-1.0, 1.0, cells)
    parts = []
    for start in range(0, cells, _CHUNK):
        rows = slice(start, start + _CHUNK)
        profile = profiles[kind[rows]] * donors[donor[rows]]
        profile *= np.exp(programmes[kind[rows]] * place[rows, None])
        mean = profile / profile.sum(axis=1, keepdims=True) * totals[rows, None]
        parts.append(sparse.csr_matrix(rng.poisson(rng.gamma(1 / DISPERSION, mean * DISPERSION))))
    return Counts(
        name=f"simulated counts (gamma-Poisson, seed {seed})",
        matrix=sparse.vstack(parts, format="csr"),
        cells=tuple(f"simulated-{number}" for number in range(cells)),
        genes=tuple(f"simulated gene {number}" for number in range(genes)),
        labels=tuple(f"type {number}" for number in kind),
        donors=tuple(f"donor {number}" for number in donor),
        simulated=True,
    )


def _factors(rng: np.random.Generator, genes: int, *, share: float, scale: float) -> np.ndarray:
    """Log-normal factors for a share of the genes, 1 for the others."""
    return np.where(rng.random(genes) < share, rng.lognormal(0.0, scale, genes), 1.0)
