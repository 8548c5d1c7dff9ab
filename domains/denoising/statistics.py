"""The domain's tool: numbers about the matrix of counts that is to be denoised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from domains.contract import Tool

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_GENES = 50


def tool() -> Tool:
    """`statistics`, of the matrix of the instance that is answered."""
    description = (
        "Numbers about the matrix of counts: its size, the share of zeros, quantiles of the counts and of the genes "
        f"in a cell, the share of all counts that its {MOST_GENES} largest genes have, and the ratio of variance to "
        "mean of the genes with at least a tenth of a count a cell (1 for Poisson noise alone)."
    )
    return Tool("statistics", description, {"type": "object", "properties": {}}, statistics, 2)


def statistics(data: Mapping[str, Any]) -> dict[str, Any]:
    """The numbers, of the counts as a harness gets them."""
    parts = [np.frombuffer(data[name], dtype="<i4") for name in ("data", "indices", "indptr")]
    counts = sparse.csr_matrix((parts[0].astype(np.float64), parts[1], parts[2]), shape=data["shape"])
    cells, genes = counts.shape
    by_gene = np.asarray(counts.sum(axis=0)).ravel()
    mean = by_gene / cells
    variance = np.asarray(counts.multiply(counts).sum(axis=0)).ravel() / cells - mean**2
    known = mean >= 0.1
    return {
        "cells": int(cells),
        "genes": int(genes),
        "zeros": round(1 - counts.nnz / (cells * genes), 4),
        "counts a cell": _quantiles(np.asarray(counts.sum(axis=1)).ravel()),
        "genes a cell": _quantiles(np.diff(counts.indptr)),
        f"share of the {MOST_GENES} largest genes": round(
            float(np.sort(by_gene)[-MOST_GENES:].sum() / max(1.0, by_gene.sum())), 4
        ),
        "variance over mean": _quantiles(variance[known] / mean[known]) if known.any() else {},
    }


def _quantiles(values: Any) -> dict[str, float]:
    found = np.quantile(values, QUANTILES)
    return {f"{share:.0%}": round(float(value), 3) for share, value in zip(QUANTILES, found, strict=True)}
