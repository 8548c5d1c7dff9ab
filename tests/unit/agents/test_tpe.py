"""Draws are a function of their arguments, however many came before, and a study is told each probe once."""

from __future__ import annotations

import random

import optuna
import pytest

from engine.agents.portfolio.tpe import Tpe
from engine.events import types as t
from harness_repo.tunable import Tunable, Value
from tests.searching import harness

TUNABLES = {
    "method": Tunable(type="choice", choices=["a", "b"], structural=True),
    "size": Tunable(type="int", low=1, high=50, when={"method": ["b"]}),
    "rate": Tunable(type="float", low=0.001, high=1.0, log=True),
}
PLAIN = harness(TUNABLES, {"method": "a", "size": 3, "rate": 0.5})
OTHER = harness(TUNABLES, {"method": "b", "size": 9, "rate": 0.1})


def probe(n: int) -> t.ProbeFinished:
    draw = random.Random(n)
    params: dict[str, Value] = {"method": draw.choice("ab"), "size": draw.randint(1, 50), "rate": draw.uniform(0.1, 1)}
    score, refused = t.Score(draw.random(), 0.1, 9), draw.random() < 0.2
    return t.ProbeFinished(n // 4, 0, n % 4, "", params, "", score, 9, 0.0, 0.0, f"{n}", "", refused=refused)


PROBES = [probe(n) for n in range(40)]


def test_a_draw_after_others_is_the_one_that_a_new_study_gives() -> None:
    one = Tpe()
    for seed, (of, probes) in enumerate(
        [(PLAIN, PROBES[:0]), (PLAIN, PROBES[:7]), (PLAIN, PROBES[:20]), (OTHER, PROBES[:20]), (OTHER, PROBES),
         (OTHER, PROBES[5:]), (PLAIN, PROBES[:3]), (PLAIN, [probe(n) for n in range(9)])]
    ):  # fmt: skip
        assert one.draw(of, probes, seed) == Tpe().draw(of, probes, seed)


def test_a_round_costs_no_more_after_many(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    create = optuna.trial.create_trial

    def count(**given: object) -> optuna.trial.FrozenTrial:
        made.append(1)
        return create(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(optuna.trial, "create_trial", count)
    tpe = Tpe()
    for known in range(4, len(PROBES) + 1, 4):
        made.clear()
        tpe.draw(PLAIN, PROBES[:known], known)
        assert len(made) == 4
