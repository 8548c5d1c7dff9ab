"""Tuning of scikit-learn's pipelines on data sets that it ships, with conditional spaces and a hidden half.

A method sees the mean of a cross-validation on one half of the data. A winner is judged honestly: fitted to that half,
it is scored on the other one, which no method has seen.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.arena.task import Space, Task
from harness_repo.tunable import Tunable, Value

Values = Mapping[str, Value]
_FOLDS = 3
_WORST = {"accuracy": 0.0, "r2": -1.0}
"""The score of a pipeline that fails, and the least that any gets."""


class _Halves(NamedTuple):
    """Features and targets of the half that is searched on, and of the hidden one."""

    x: Any
    y: Any
    hidden_x: Any
    hidden_y: Any


@functools.cache
def _halves(name: str, most: int) -> _Halves:
    from sklearn import datasets
    from sklearn.model_selection import train_test_split

    data = getattr(datasets, f"load_{name}")()
    labels = data.target if len(set(data.target)) < 20 else None
    x, hidden_x, y, hidden_y = train_test_split(
        data.data, data.target, test_size=0.5, random_state=20261130, stratify=labels
    )
    return _Halves(x[:most], y[:most], hidden_x, hidden_y)


def _task(name: str, data: str, metric: str, space: Space, start: Values, make: Callable[[Values], Any]) -> Task:
    def halves() -> _Halves:
        return _halves(data, 300)

    def searched(values: Values) -> float:
        from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score

        kind = StratifiedKFold if metric == "accuracy" else KFold
        folds = kind(_FOLDS, shuffle=True, random_state=7)
        one = halves()
        return _scored(metric, lambda: cross_val_score(make(values), one.x, one.y, cv=folds, scoring=metric).mean())

    def honest(values: Values) -> float:
        from sklearn.metrics import get_scorer

        one = halves()
        return _scored(metric, lambda: get_scorer(metric)(make(values).fit(one.x, one.y), one.hidden_x, one.hidden_y))

    return Task(name, "tuning", searched, lambda seed: dict(start), space, tolerance=1e-6, honest=honest)


def _scored(metric: str, score: Callable[[], float]) -> float:
    """A pipeline that fails has the worst score."""
    # a network of 64 units on more threads than there are free cores mostly waits for them
    with warnings.catch_warnings(), np.errstate(all="ignore"), threadpool_limits(1):
        warnings.simplefilter("ignore")
        try:
            found = float(score())
        except (ValueError, ArithmeticError, np.linalg.LinAlgError):
            return _WORST[metric]
    return max(found, _WORST[metric]) if np.isfinite(found) else _WORST[metric]


def _choice(*choices: Value, structural: bool = False, **when: list[Value]) -> Tunable:
    return Tunable("choice", choices=list(choices), structural=structural, when=when)


def _number(low: float, high: float, *, log: bool = False, whole: bool = False, **when: list[Value]) -> Tunable:
    return Tunable("int" if whole else "float", low=low, high=high, log=log, when=when)


_CLASSIFY: Space = {
    "model": _choice("linear", "kernel", "neighbours", "forest", structural=True),
    "scale": _choice("none", "standard", "range"),
    "reduce": _choice(False, True),
    "kept": _number(0.05, 1.0, reduce=[True]),
    "c": _number(1e-4, 1e3, log=True, model=["linear"]),
    "kernel": _choice("rbf", "poly", model=["kernel"]),
    "svm_c": _number(1e-3, 1e3, log=True, model=["kernel"]),
    "gamma": _number(1e-5, 10.0, log=True, model=["kernel"]),
    "degree": _number(2, 5, whole=True, kernel=["poly"], model=["kernel"]),
    "k": _number(1, 40, whole=True, model=["neighbours"]),
    "weights": _choice("uniform", "distance", model=["neighbours"]),
    "leaf": _number(1, 20, whole=True, log=True, model=["forest"]),
    "share": _number(0.05, 1.0, model=["forest"]),
}
_CLASSIFY_START: dict[str, Value] = {
    "model": "linear", "scale": "none", "reduce": False, "kept": 1.0, "c": 1.0, "kernel": "rbf", "svm_c": 1.0,
    "gamma": 0.01, "degree": 3, "k": 5, "weights": "uniform", "leaf": 1, "share": 0.3,
}  # fmt: skip


def _scaler(values: Values) -> Any:
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    return {"none": "passthrough", "standard": StandardScaler(), "range": MinMaxScaler()}[str(values["scale"])]


def _classifier(values: Values) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import SVC

    match values["model"]:
        case "linear":
            model = LogisticRegression(C=values["c"], max_iter=200)
        case "kernel":
            model = SVC(
                C=values["svm_c"],
                kernel=values["kernel"],
                gamma=values["gamma"],
                degree=values["degree"],
                max_iter=20_000,
            )
        case "neighbours":
            model = KNeighborsClassifier(values["k"], weights=values["weights"])
        case _:
            model = ExtraTreesClassifier(
                25, min_samples_leaf=values["leaf"], max_features=values["share"], random_state=1
            )
    # the components that explain this share of the variance; PCA wants a share below 1
    reducer = PCA(min(0.999, float(values["kept"])), svd_solver="full") if values["reduce"] else "passthrough"
    return make_pipeline(_scaler(values), reducer, model)


_REGRESS: Space = {
    "model": _choice("ridge", "kernel", "neighbours", "boosting", structural=True),
    "scale": _choice("none", "standard", "range"),
    "squares": _choice(False, True, model=["ridge"]),
    "alpha": _number(1e-4, 1e4, log=True, model=["ridge"]),
    "svr_c": _number(1e-2, 1e4, log=True, model=["kernel"]),
    "gamma": _number(1e-5, 10.0, log=True, model=["kernel"]),
    "epsilon": _number(1e-2, 50.0, log=True, model=["kernel"]),
    "k": _number(1, 60, whole=True, model=["neighbours"]),
    "weights": _choice("uniform", "distance", model=["neighbours"]),
    "trees": _number(10, 100, whole=True, log=True, model=["boosting"]),
    "rate": _number(0.01, 0.5, log=True, model=["boosting"]),
    "depth": _number(1, 5, whole=True, model=["boosting"]),
    "rows": _number(0.3, 1.0, model=["boosting"]),
}
_REGRESS_START: dict[str, Value] = {
    "model": "ridge", "scale": "none", "squares": False, "alpha": 1.0, "svr_c": 1.0, "gamma": 0.1, "epsilon": 0.1,
    "k": 5, "weights": "uniform", "trees": 100, "rate": 0.1, "depth": 3, "rows": 1.0,
}  # fmt: skip


def _regressor(values: Values) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import Ridge
    from sklearn.neighbors import KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures
    from sklearn.svm import SVR

    squares: Any = "passthrough"
    match values["model"]:
        case "ridge":
            squares = PolynomialFeatures(2) if values["squares"] else squares
            model = Ridge(values["alpha"])
        case "kernel":
            model = SVR(C=values["svr_c"], gamma=values["gamma"], epsilon=values["epsilon"], max_iter=20_000)
        case "neighbours":
            model = KNeighborsRegressor(values["k"], weights=values["weights"])
        case _:
            model = GradientBoostingRegressor(
                n_estimators=values["trees"],
                learning_rate=values["rate"],
                max_depth=values["depth"],
                subsample=values["rows"],
                random_state=1,
            )
    return make_pipeline(_scaler(values), squares, model)


_NETWORK: Space = {
    "solver": _choice("lbfgs", "adam", structural=True),
    "scale": _choice("none", "standard", "range"),
    "layers": _choice(1, 2),
    "first": _number(4, 64, whole=True, log=True),
    "second": _number(4, 64, whole=True, log=True, layers=[2]),
    "activation": _choice("relu", "tanh", "logistic"),
    "alpha": _number(1e-6, 10.0, log=True),
    "rate": _number(1e-4, 0.3, log=True, solver=["adam"]),
    "batch": _number(8, 128, whole=True, log=True, solver=["adam"]),
}
_NETWORK_START: dict[str, Value] = {
    "solver": "lbfgs", "scale": "none", "layers": 1, "first": 16, "second": 16, "activation": "relu", "alpha": 1e-4,
    "rate": 1e-3, "batch": 64,
}  # fmt: skip


def _network(values: Values) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline

    sizes = (values["first"], values["second"]) if values["layers"] == 2 else (values["first"],)
    model = MLPClassifier(
        sizes,
        activation=values["activation"],
        solver=values["solver"],
        alpha=values["alpha"],
        learning_rate_init=values["rate"],
        batch_size=values["batch"],
        max_iter=30,
        random_state=1,
    )
    return make_pipeline(_scaler(values), model)


TASKS = (
    _task("tune-digits", "digits", "accuracy", _CLASSIFY, _CLASSIFY_START, _classifier),
    _task("tune-breast-cancer", "breast_cancer", "accuracy", _CLASSIFY, _CLASSIFY_START, _classifier),
    _task("tune-wine", "wine", "accuracy", _CLASSIFY, _CLASSIFY_START, _classifier),
    _task("tune-diabetes", "diabetes", "r2", _REGRESS, _REGRESS_START, _regressor),
    _task("tune-network", "digits", "accuracy", _NETWORK, _NETWORK_START, _network),
)
