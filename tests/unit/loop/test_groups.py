"""A domain's groups, from `domain.py` to the verdict and the sealed test: one unit each, and seen by no harness."""

from __future__ import annotations

import contextlib
import functools
import json
from pathlib import Path

import pytest

from engine.events import types as t
from engine.events.reader import Reader
from tests.story import ran, written

DOMAIN = """
from domains.contract import Grade, Instance, Summary
class Grouped:
    def digest(self): return "grouped"
    def instances(self, split): return [Instance(f"{split}-{n}", n, 0, group=f"donor {n // 8}") for n in range(24)]
    def grade(self, instance, answer): return Grade(float(answer) if instance.data < 16 else 0.0)
    def summarise(self, split, graded): return Summary(subsets={"first": [one.instance.id for one in graded[:8]]})
    def baselines(self, train, on): return {"none": [0.0 for _ in on]}
def load(data): return Grouped()
"""
TOML = 'name = "grouped"\ntitle = "T"\nmetric = "m"\nminimum_effect = 0.01\ntrain_sample = 2\nprobe_fold = 2\n'
AGENT = """
def solve(instance, ctx):
    if any(hasattr(one, "group") for one in [instance, *ctx.train()]): return 0.0
    return ctx.params["value"]
"""
MANIFEST = 'name = "g"\n[tunables.value]\ntype = "float"\nlow = 0\nhigh = 1\n'


def test_a_gain_on_every_instance_of_two_groups_may_be_chance(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "grouped", domain=DOMAIN, toml=TOML, agent=AGENT, manifest=MANIFEST, params="value = 0.0"
    )
    script = tmp_path / "script.toml"
    script.write_text("[[decision]]\nparams = { value = 1.0 }")
    run = functools.partial(ran, tmp_path / "w")
    run("run", str(folder), "--generations", "2", "--agent", f"script:{script}")
    test = json.loads(run("test", "last", "--json"))
    assert json.loads(run("replay", "last", "--verify", "--json"))["identical"]
    assert (test["score"], test["n"], test["se"]) == (0.0, 3, 0.0)
    assert {row["name"]: row["n"] for row in test["subsets"]} == {"first": 1}
    with contextlib.closing(Reader.open(tmp_path / "w" / "events.db")) as reader:
        found = reader.find("last").run
        payloads = [event.payload for event in reader.history(found)]
        assert set(reader.groups_of(found, 2, "val").values()) == {"donor 0", "donor 1", "donor 2"}
    verdict = [one for one in payloads if isinstance(one, t.GateDecided)][-1]
    assert (verdict.n, verdict.unit, verdict.p, verdict.accepted) == (3, "group", 0.25, False)
    assert verdict.difference == pytest.approx(2 / 3)
    finished = [one for one in payloads if isinstance(one, t.ExecutionFinished)][-1]
    # two groups of 8 right and one wrong: residuals of the groups 8/3, 8/3 and -16/3
    assert finished.scores["val"].se == pytest.approx((3 / 2 * (2 * 64 / 9 + 256 / 9)) ** 0.5 / 24)
