"""Each setting names the event that set it last."""

from __future__ import annotations

from msgspec.structs import replace

from engine.events import types as t
from engine.queries.settings_origin import DOMAIN, ENGINE, START, defaults, flat, origins
from tests.histories import Memory, domain, settings


def test_start_fork_and_resume_are_told_apart() -> None:
    log = Memory()
    first = settings(gate=t.Gate(minimum_effect=0.02), agent="search")
    second = replace(first, gate=replace(first.gate, alpha=0.3))
    log.append([(0, t.RunStarted(1, "toy-1", domain(), first))])
    log.append([(0, t.RunForked("other", "run", 1, settings=second))])
    log.append([(0, t.RunResumed())])
    log.append([(0, t.RunResumed(settings=replace(second, generations=9, budget=t.Budget(minutes=5.0))))])
    found = {row.key: (row.value, row.origin, row.event) for row in origins(log.history("run"))}
    assert found["agent"] == ("search", ENGINE, 1)
    assert found["seed"] == (7, START, 1)
    assert found["gate.minimum_effect"] == (0.02, DOMAIN, 1)
    assert found["gate.alpha"] == (0.3, "changed at the fork other", 2)
    assert found["generations"] == (9, "changed at a resume", 4)
    assert found["budget.minutes"] == (5.0, "changed at a resume", 4)


def test_every_setting_has_an_origin_with_and_without_a_run() -> None:
    names = list(flat(settings()))
    assert [row.key for row in defaults()] == names == sorted(names)
    assert {name.split(".")[0] for name in names} == set(t.Settings.__struct_fields__)
    log = Memory()
    log.append([(0, t.RunStarted(1, "toy-1", domain(), settings()))])
    assert [row.key for row in origins(log.history("run"))] == names
