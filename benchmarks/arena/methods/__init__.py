"""The methods of the arena, by name."""

from __future__ import annotations

from benchmarks.arena.method import Method
from benchmarks.arena.methods import ours, peer, random_search, sampling
from engine.errors import SiaError

METHODS = {
    method.name: method
    for method in (
        ours.METHOD,
        random_search.METHOD,
        peer.method("optuna-tpe", "optuna_tpe.py", ["optuna==5.0.0"]),
        peer.method("cma-es", "cma_es.py", ["cma==4.5.0"]),
        peer.method("smac", "smac_forest.py", ["smac==2.4.1"]),
        sampling.INDEPENDENT,
        sampling.SEQUENTIAL,
    )
}

__all__ = ["METHODS", "Method", "find"]


def find(name: str) -> Method:
    """The method of that name; raises `SiaError`."""
    if name not in METHODS:
        raise SiaError(f"there is no method {name!r}", f"choose {', '.join(METHODS)}")
    return METHODS[name]
