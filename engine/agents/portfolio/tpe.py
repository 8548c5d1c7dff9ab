"""Draws values of tunables by Optuna's TPE (Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.agents.portfolio.probed import Params, active_values, expected
from engine.events import types as t
from harness_repo.harness import Harness
from harness_repo.tunable import Tunable, Value

REFUSED = 1.0
"""The penalty on a refused proposal's score: below all others, and still ordered by score."""


class Tpe:
    """A study of the recorded probes. It is told only those that it does not know yet: a long run has many.

    A draw is a function of its arguments alone, whatever was drawn before.
    """

    def __init__(self) -> None:
        self._study: Any = None
        self._about: tuple[Mapping[str, Tunable], Params] = {}, {}
        self._told: list[t.ProbeFinished] = []

    def draw(self, harness: Harness, probes: Sequence[t.ProbeFinished], seed: int) -> Params:
        """A proposal for `harness` after `probes`."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        about = harness.manifest.tunables, harness.params
        if self._study is None or self._about != about or self._told != list(probes[: len(self._told)]):
            self._study, self._about, self._told = optuna.create_study(direction="maximize"), about, []
        for probe in probes[len(self._told) :]:
            self._study.add_trial(_trial(harness, probe))
            self._told.append(probe)
        self._study.sampler = optuna.samplers.TPESampler(seed=seed % 2**32, n_startup_trials=0)
        trial = self._study.ask()
        params = dict(harness.params)
        waiting = dict(harness.manifest.tunables)
        # draw a tunable after those that it depends on, and only if it is active
        while ready := [name for name, tunable in waiting.items() if not set(tunable.when) & set(waiting)]:
            for name in ready:
                tunable = waiting.pop(name)
                if name in harness.active(params):
                    params[name] = _suggest(trial, name, tunable)
        self._study.tell(trial, state=optuna.trial.TrialState.FAIL)  # so that TPE never looks at it
        return params


def _trial(harness: Harness, probe: t.ProbeFinished) -> Any:
    import optuna

    active = active_values(harness, probe.params)
    return optuna.trial.create_trial(
        params=active,
        distributions={name: _distribution(harness.manifest.tunables[name]) for name in active},
        value=expected(probe) - REFUSED * probe.refused,
    )


def _distribution(tunable: Tunable) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if tunable.type == "choice":
        return CategoricalDistribution(tunable.choices)
    if tunable.type == "int":
        return IntDistribution(int(tunable.low), int(tunable.high), log=tunable.log)
    return FloatDistribution(tunable.low, tunable.high, log=tunable.log)


def _suggest(trial: Any, name: str, tunable: Tunable) -> Value:
    if tunable.type == "choice":
        value: Value = trial.suggest_categorical(name, tunable.choices)
    elif tunable.type == "int":
        value = trial.suggest_int(name, int(tunable.low), int(tunable.high), log=tunable.log)
    else:
        drawn = trial.suggest_float(name, tunable.low, tunable.high, log=tunable.log)
        value = float(f"{drawn:.4g}") if tunable.admits(float(f"{drawn:.4g}")) else drawn
    return value
