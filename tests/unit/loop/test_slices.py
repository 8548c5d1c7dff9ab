"""A domain's slices, from `domain.py` to the map and the archive of a search: seen by no harness."""

from __future__ import annotations

import contextlib
import functools
import json
from pathlib import Path

from engine.events import types as t
from engine.events.reader import Reader
from tests.story import ran, written

DOMAIN = """
from domains.contract import Grade, Instance, Summary
class Sliced:
    def digest(self): return "sliced"
    def instances(self, split):
        return [Instance(f"{split}-{n}", n, 0, slice=("even", "odd")[n % 2]) for n in range(24)]
    def grade(self, instance, answer): return Grade(float(answer))
    def summarise(self, split, graded): return Summary()
    def baselines(self, train, on): return {"none": [0.0 for _ in on]}
def load(data): return Sliced()
"""
TOML = 'name = "sliced"\ntitle = "T"\nmetric = "m"\nminimum_effect = 0.01\ntrain_sample = 2\nprobe_fold = 6\n'
AGENT = """
def solve(instance, ctx):
    if any(hasattr(one, "slice") for one in [instance, *ctx.train()]): return 0.0
    value = ctx.params["value"]
    return value if instance.data % 2 else 1 - value
"""
MANIFEST = 'name = "s"\n[tunables.value]\ntype = "float"\nlow = 0\nhigh = 1\n'


def test_the_map_says_who_is_best_on_which_slice(tmp_path: Path) -> None:
    folder = written(
        tmp_path / "sliced", domain=DOMAIN, toml=TOML, agent=AGENT, manifest=MANIFEST, params="value = 0.0"
    )
    script = tmp_path / "script.toml"
    script.write_text("[[decision]]\nparams = { value = 1.0 }")
    run = functools.partial(ran, tmp_path / "w")
    run("run", str(folder), "--generations", "2", "--agent", f"script:{script}")
    assert json.loads(run("replay", "last", "--verify", "--json"))["identical"]
    assert json.loads(run("show", "last", "--json"))["archive"]["slices"] == {"even": [1], "odd": [2]}
    lines = run("show", "last", "--map").splitlines()
    assert "slice even: best 1" in lines and "slice odd: best 2" in lines
    with contextlib.closing(Reader.open(tmp_path / "w" / "events.db")) as reader:
        found = reader.find("last").run
        assert set(reader.groups_of(found, 2, "val", field="slice").values()) == {"even", "odd"}
        results = [one.payload for one in reader.history(found) if isinstance(one.payload, t.InstanceFinished)]
    assert all(one.slice == ("even", "odd")[int(one.instance.split("-")[1]) % 2] for one in results)
