"""The methods of the arena, by name."""

from __future__ import annotations

from benchmarks.arena.method import Method
from benchmarks.arena.methods import driver, ours, peer, product, random_search, sampling
from engine.errors import SiaError

METHODS = {
    method.name: method
    for method in (
        ours.METHOD,
        random_search.METHOD,
        peer.method("optuna-tpe", "optuna_tpe.py", ["optuna==5.0.0"]),
        peer.method("cma-es", "cma_es.py", ["cma==4.5.0"]),
        peer.method("smac", "smac_forest.py", ["smac==2.4.1"]),
        product.METHOD,
        product.TUNED,
        sampling.INDEPENDENT,
        sampling.SEQUENTIAL,
        driver.method("openevolve", "openevolve_program.py", ["openevolve==0.4.1"]),
        driver.method("shinka", "shinka_program.py", ["shinka-evolve==0.0.7"]),
        driver.method("gepa", "gepa_program.py", ["gepa==0.1.4", "litellm==1.91.5", "cloudpickle==3.1.3"]),
    )
}

__all__ = ["METHODS", "Method", "find"]


def find(name: str) -> Method:
    """The method of that name; raises `SiaError`."""
    if name not in METHODS:
        raise SiaError(f"there is no method {name!r}", f"choose {', '.join(METHODS)}")
    return METHODS[name]
