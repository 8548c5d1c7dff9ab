"""Denoises a count matrix from itself alone: an estimate of each cell's expression, then its shape and its scale.

As seeded, a cell is the mean of its nearest cells. Works on sparse counts; one dense float32 matrix is the result.
"""

import finish
import lowrank
import neighbours
import numpy as np
import transform
from scipy import sparse


def solve(instance, ctx):
    """The denoised matrix of `instance.data`, in the units of the counts shown."""
    counts, params = read(instance.data), ctx.params
    rates, totals = transform.rates(counts)
    embedded = lowrank.decompose(transform.forward(rates, params["transform"]), params["components"], ctx.rng)
    made = estimate(rates, embedded, params)
    made *= totals[:, None]
    if params["method"] == "sharpened blend":
        np.power(made, params["sharpness"], out=made)
    else:
        made *= 1 - params["own"]
        made += params["own"] * counts.toarray()
        finish.rescale_genes(made, counts, params["scaling"])
    finish.rescale(made, counts)
    finish.clip(made, params["clip"])
    finish.rescale(made, counts)
    ctx.log(f"{made.shape[0]} cells, {made.shape[1]} genes, {(made > 0).mean():.0%} above zero")
    return {"shape": list(made.shape), "dtype": "float32", "values": made.astype("<f4", copy=False).tobytes()}


def estimate(rates, embedded, params):
    """Expression as a share of each cell's total, dense float32, by the chosen method."""
    method = params["method"]
    if method == "lowrank":
        return lowrank.estimate(embedded, params["transform"])
    walk = neighbours.average(embedded, params["neighbours"])
    if method == "diffuse":
        return neighbours.diffuse(walk, rates, params["steps"])
    pooled = neighbours.diffuse(walk, rates, 1)
    if method.endswith("blend"):
        share = params["lowrank_share"]
        pooled *= 1 - share
        pooled += share * finish.shares(lowrank.estimate(embedded, params["transform"]))
    return pooled


def read(data):
    """The counts as a CSR matrix of float32."""
    parts = [np.frombuffer(data[name], dtype="<i4") for name in ("data", "indices", "indptr")]
    return sparse.csr_matrix((parts[0].astype(np.float32), parts[1], parts[2]), shape=data["shape"])
