"""A harness that classifies handwritten digits from few labelled ones; the winner is judged on a hidden half.

The data is scikit-learn's `digits`, cut once: 200 cases to learn from, 500 that a program is scored on, 500 hidden.
"""

from __future__ import annotations

import functools

import numpy as np

from benchmarks.arena.programs.program import Entry
from benchmarks.arena.programs.start import task

_LEARNT, _SEEN, _HIDDEN = slice(0, 200), slice(200, 700), slice(700, 1200)

_START = '''
# EVOLVE-BLOCK-START
import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

MODEL = "neighbours"  # one of: neighbours, logistic, forest, vectors
SCALING = "standard"  # one of: standard, range
WEIGHTS = "uniform"  # one of: uniform, distance
PARTS = 8
NEIGHBOURS = 15
STRENGTH = 0.01
WIDTH = 0.05
TREES = 20
DEPTH = 4


def answer(cases, labels, asked):
    """The labels of the asked cases, learnt from labelled ones; a case is a row of 64 numbers."""
    if MODEL == "neighbours":
        model = KNeighborsClassifier(NEIGHBOURS, weights=WEIGHTS)
    elif MODEL == "logistic":
        model = LogisticRegression(C=STRENGTH, max_iter=200)
    elif MODEL == "forest":
        model = RandomForestClassifier(min(TREES, 100), max_depth=DEPTH, random_state=0)
    else:
        model = SVC(C=100 * STRENGTH, gamma=WIDTH)
    scaler = StandardScaler() if SCALING == "standard" else MinMaxScaler()
    pipeline = make_pipeline(scaler, PCA(min(PARTS, 60), random_state=0), model)
    return pipeline.fit(cases, labels).predict(asked)
# EVOLVE-BLOCK-END
'''


@functools.cache
def _data() -> tuple[np.ndarray, np.ndarray]:
    from sklearn.datasets import load_digits

    data = load_digits()
    order = np.random.default_rng(1).permutation(len(data.target))
    return data.data[order], data.target[order]


def score(entry: Entry, part: slice = _SEEN) -> float:
    """The share of cases of `part` that are classified right."""
    from threadpoolctl import threadpool_limits

    cases, labels = _data()
    with threadpool_limits(1):
        found = np.asarray(entry(cases[_LEARNT].copy(), labels[_LEARNT].copy(), cases[part].copy()))
    if found.shape != labels[part].shape:
        raise ValueError("there is not one label for each case")
    return float((found == labels[part]).mean())


TASKS = (
    task(
        "classification",
        """Classify handwritten digits (rows of 64 numbers) after learning from 200 labelled ones. The program defines
        answer(cases, labels, asked), which returns a label for each asked case. The score is the share of 500 cases
        that are right; other cases are kept for the end.""",
        _START,
        score,
        functools.partial(score, part=_HIDDEN),
        best=1.0,
        tolerance=0.001,
    ),
)
