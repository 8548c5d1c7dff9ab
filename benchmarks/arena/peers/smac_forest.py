"""SMAC's facade for hyperparameter optimization (random forests, expected improvement), with conditions."""

from pathlib import Path

from ConfigSpace import (
    AndConjunction,
    CategoricalHyperparameter,
    Configuration,
    ConfigurationSpace,
    InCondition,
    UniformFloatHyperparameter,
    UniformIntegerHyperparameter,
)
from line_protocol import active, serve
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory.dataclasses import TrialInfo, TrialValue


class Smac:
    """A facade that is asked and told."""

    def __init__(self, task):
        self.space = task["space"]
        space = _configuration_space(self.space, task["seed"] % 2**31)
        scenario = Scenario(
            space,
            deterministic=True,
            n_trials=task["budget"],
            seed=task["seed"] % 2**31,
            output_directory=Path.cwd() / "smac",
        )
        self.facade = HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=40
        )
        known = active(self.space, task["start"])
        start = {name: _word(self.space[name], value) for name, value in task["start"].items() if known[name]}
        self.facade.tell(TrialInfo(Configuration(space, start), seed=0), TrialValue(cost=-task["score"]))

    def ask(self):
        """The next values."""
        self.info = self.facade.ask()
        return {name: _value(self.space[name], value) for name, value in dict(self.info.config).items()}

    def tell(self, values, score):
        """Takes their score."""
        self.facade.tell(self.info, TrialValue(cost=-score))


def _configuration_space(tunables, seed):
    space = ConfigurationSpace(seed=seed)
    made = {name: _hyperparameter(name, tunable) for name, tunable in tunables.items()}
    space.add(list(made.values()))
    for name, tunable in tunables.items():
        conditions = [
            InCondition(made[name], made[other], [_word(tunables[other], value) for value in allowed])
            for other, allowed in tunable["when"].items()
        ]
        if conditions:
            space.add(conditions[0] if len(conditions) == 1 else AndConjunction(*conditions))
    return space


def _hyperparameter(name, tunable):
    if tunable["type"] == "choice":
        return CategoricalHyperparameter(name, [_word(tunable, choice) for choice in tunable["choices"]])
    low, high, log = tunable["low"], tunable["high"], tunable["log"]
    if tunable["type"] == "int":
        return UniformIntegerHyperparameter(name, int(low), int(high), log=log)
    return UniformFloatHyperparameter(name, low, high, log=log)


def _word(tunable, value):
    """A choice as text, since ConfigSpace takes no mixture of types."""
    return repr(value) if tunable["type"] == "choice" else value


def _value(tunable, value):
    if tunable["type"] == "choice":
        return next(choice for choice in tunable["choices"] if repr(choice) == value)
    return int(value) if tunable["type"] == "int" else float(value)


if __name__ == "__main__":
    serve(Smac)
