"""A Gaussian process over points whose features belong to tunables: one length scale a tunable, fitted to the scores.

The kernel is Matérn 5/2 (Rasmussen and Williams, "Gaussian Processes for Machine Learning", 2006, 4.17); length scales
and noise are the most probable ones under the priors of Hvarfner et al., "Vanilla Bayesian Optimization Performs Great
in High Dimensions", 2024, whose length scales grow with the root of the number of dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]
_JITTER = 1e-8
_ROOT_5 = math.sqrt(5)
_NOISE = (math.log(1e-4), 3.0)
"""Mean and deviation of the prior of the logarithm of the noise's variance; scores have a variance of 1."""


class Process(NamedTuple):
    """A fitted process. `scales` is the logarithm of each feature's length scale."""

    points: Array
    scales: Array
    lower: Array
    weights: Array

    def predict(self, at: Array) -> tuple[Array, Array]:
        """The mean and the standard deviation at each row of `at`."""
        across = _matern(_distances(at, self.points, self.scales))
        mean = across @ self.weights
        spread = solve_triangular(self.lower, across.T, lower=True)
        return mean, np.sqrt(np.maximum(1.0 - (spread**2).sum(axis=0), 1e-12))


def fit(points: Array, scores: Array, owners: NDArray[np.int64], known: Array | float = 0.0) -> tuple[Process, Array]:
    """The process of standardized `scores` at `points` (n x features), and its parameters.

    `owners` is the tunable of each feature, and `known` the variance of the noise of each score, as far as it is known.
    The parameters are logarithms: a length scale for each tunable, then the variance of what other noise there is.
    """
    count = int(owners.max()) + 1
    start = np.array([*[0.0] * count, math.log(1e-3)])
    bounds = [(-4.0, 6.0)] * count + [(math.log(1e-7), 0.0)]
    cost = posterior(points, scores, owners, known)
    found = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 40})
    return condition(points, scores, owners, found.x, known), found.x


def posterior(
    points: Array, scores: Array, owners: NDArray[np.int64], known: Array | float = 0.0
) -> Callable[[Array], tuple[float, Array]]:
    """What `fit` minimizes, and its gradient: the negative logarithm of the parameters' posterior density."""
    count = int(owners.max()) + 1
    prior = np.array([*[math.sqrt(2) + 0.5 * math.log(count)] * count, _NOISE[0]])
    width = np.array([*[math.sqrt(3)] * count, _NOISE[1]])
    squares = np.stack(
        [_squares(points[:, owners == tunable], points[:, owners == tunable]) for tunable in range(count)]
    )
    eye = np.eye(len(points))

    def cost(parameters: Array) -> tuple[float, Array]:
        inverse = np.exp(-2 * parameters[:-1])
        distance = np.sqrt(np.tensordot(inverse, squares, axes=1) + 1e-20)
        noise = math.exp(parameters[-1])
        factor = cho_factor(_matern(distance) + (noise + _JITTER + known) * eye, lower=True)
        weights = cho_solve(factor, scores)
        off = (parameters - prior) / width
        value = 0.5 * scores @ weights + np.log(np.diag(factor[0])).sum() + 0.5 * off @ off
        # the derivative by the kernel, then that of the kernel by the logarithm of a length scale
        inner = cho_solve(factor, eye) - np.outer(weights, weights)
        slope = inner * (5 / 3) * (1 + _ROOT_5 * distance) * np.exp(-_ROOT_5 * distance)
        gradient = 0.5 * inverse * np.tensordot(squares, slope, axes=2)
        return float(value), np.array([*gradient, 0.5 * np.trace(inner) * noise]) + off / width

    return cost


def condition(
    points: Array, scores: Array, owners: NDArray[np.int64], parameters: Array, known: Array | float = 0.0
) -> Process:
    """The process with parameters that a fit has found."""
    scales = parameters[:-1][owners]
    noise = math.exp(parameters[-1]) + _JITTER + known
    kernel = _matern(_distances(points, points, scales)) + noise * np.eye(len(points))
    lower = np.asarray(np.linalg.cholesky(kernel), dtype=np.float64)
    return Process(points, scales, lower, cho_solve((lower, True), scores))


def _matern(distance: Array) -> Array:
    scaled = _ROOT_5 * distance
    return np.asarray((1 + scaled + scaled**2 / 3) * np.exp(-scaled))


def _distances(one: Array, other: Array, scales: Array) -> Array:
    inverse = np.exp(-scales)
    return np.sqrt(_squares(one * inverse, other * inverse) + 1e-20)


def _squares(one: Array, other: Array) -> Array:
    together = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1)[None, :] - 2 * one @ other.T
    return np.asarray(np.maximum(together, 0.0))
