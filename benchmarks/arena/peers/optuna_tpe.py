"""Optuna's TPE with its defaults; tunables are drawn only where they have an effect (define by run)."""

import optuna
from line_protocol import active, in_order, serve
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution


class Tpe:
    """A study."""

    def __init__(self, task):
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.space = task["space"]
        self.study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.TPESampler(seed=task["seed"] % 2**32)
        )
        known = {name: value for name, value in task["start"].items() if active(self.space, task["start"])[name]}
        distributions = {name: _distribution(self.space[name]) for name in known}
        self.study.add_trial(optuna.trial.create_trial(params=known, distributions=distributions, value=task["score"]))

    def ask(self):
        """The next values."""
        self.trial, values = self.study.ask(), {}
        for name, tunable in in_order(self.space):
            if all(values.get(other) in allowed for other, allowed in tunable["when"].items()):
                values[name] = _suggest(self.trial, name, tunable)
        return values

    def tell(self, values, score):
        """Takes their score."""
        self.study.tell(self.trial, score)


def _distribution(tunable):
    if tunable["type"] == "choice":
        return CategoricalDistribution(tunable["choices"])
    if tunable["type"] == "int":
        return IntDistribution(int(tunable["low"]), int(tunable["high"]), log=tunable["log"])
    return FloatDistribution(tunable["low"], tunable["high"], log=tunable["log"])


def _suggest(trial, name, tunable):
    if tunable["type"] == "choice":
        return trial.suggest_categorical(name, tunable["choices"])
    if tunable["type"] == "int":
        return trial.suggest_int(name, int(tunable["low"]), int(tunable["high"]), log=tunable["log"])
    return trial.suggest_float(name, tunable["low"], tunable["high"], log=tunable["log"])


if __name__ == "__main__":
    serve(Tpe)
