"""Recognises a digit by what it learnt from the drawings of `train`: means, weights, or the drawings themselves."""

import numpy as np

SHADES = " .:-=+*%@"
SIDE = 8


def prepare(ctx):
    """What `method` needs of the known drawings; `solve` finds it as `ctx.prepared`."""
    known = np.array([features(case.data, ctx.params) for case in ctx.train()])
    digits = np.array([case.label for case in ctx.train()])
    if ctx.params["method"] == "mean":
        return np.array([known[digits == digit].mean(axis=0) for digit in range(10)])
    if ctx.params["method"] == "linear":
        penalty = ctx.params["ridge"] * np.eye(known.shape[1])
        return np.linalg.solve(known.T @ known + penalty, known.T @ np.eye(10)[digits])
    return known, digits


def solve(instance, ctx):
    """The digit with the highest score."""
    drawn = features(instance.data, ctx.params)
    if ctx.params["method"] == "mean":
        scores = -distances(ctx.prepared, drawn)
    elif ctx.params["method"] == "linear":
        scores = drawn @ ctx.prepared
    else:
        known, digits = ctx.prepared
        nearest = np.argsort(distances(known, drawn), kind="stable")[: ctx.params["neighbours"]]
        scores = np.bincount(digits[nearest], minlength=10)
    ctx.log(" ".join(f"{digit}:{score:.2f}" for digit, score in enumerate(scores)))
    return int(np.argmax(scores))


def distances(known, drawn):
    """The squared distance of each row of `known` from `drawn`."""
    return ((known - drawn) ** 2).sum(axis=1)


def features(drawing, params):
    """A drawing as numbers, after alignment, contrast and blur, and a constant."""
    grid = np.zeros((SIDE, SIDE))
    for y, line in enumerate(drawing.splitlines()[:SIDE]):
        for x, shade in enumerate(line[:SIDE]):
            grid[y, x] = SHADES.find(shade) / (len(SHADES) - 1) if shade in SHADES else 1.0
    grid = np.pad(aligned(grid, params["align"]) ** params["contrast"], 1)
    around = grid[:-2, 1:-1] + grid[2:, 1:-1] + grid[1:-1, :-2] + grid[1:-1, 2:]
    return np.append((grid[1:-1, 1:-1] + params["blur"] * around / 4).ravel(), 1.0)


def aligned(grid, align):
    """The drawing as it is, moved to the centre, or stretched until it touches all four sides."""
    inked = np.argwhere(grid > 0.25)
    if align == "none" or not len(inked):
        return grid
    low, high = inked.min(axis=0), inked.max(axis=0)
    if align == "centre":
        down, right = np.round((SIDE - 1 - low - high) / 2).astype(int)
        return np.roll(grid, (down, right), axis=(0, 1))
    rows, columns = (np.linspace(low[axis], high[axis], SIDE) for axis in (0, 1))
    columnwise = np.array([np.interp(columns, np.arange(SIDE), line) for line in grid])
    return np.array([np.interp(rows, np.arange(SIDE), line) for line in columnwise.T]).T
