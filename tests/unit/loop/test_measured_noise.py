"""A run of the command measures the noise of its one score in fresh processes, and accepts nothing that is noise."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from pathlib import Path

import pytest

from engine.core import replay
from engine.core.determinism import executions_at_most
from engine.events import types as t
from engine.events.reader import Reader
from engine.loop import launch
from tests.story import sia, written

DOMAIN = """
import random
from domains.contract import Grade, Instance, Summary
class One:
    def __init__(self): self.luck = NOISE  # one for each process, so that no process sees its own noise
    def digest(self): return "one-1"
    def instances(self, split): return [Instance(f"{split}-{n}", n) for n in range(1 if split == "val" else 3)]
    def grade(self, instance, answer): return Grade(answer + self.luck)
    def summarise(self, split, graded): return Summary()
    def baselines(self, train, on): return {}
def load(data): return One()
"""
TOML = """
name = "one"
title = "One score."
metric = "score"
minimum_effect = 0.001
train_sample = 1
probe_fold = 1
learns = false
"""
SCRIPT = "[[decision]]\nparams = { level = 1.0 }\n"
NOISES = {"none": "0.0", "of each process": "random.SystemRandom().random() / 100"}


def one_score(folder: Path, noise: str, more: str = "") -> Path:
    return written(
        folder,
        domain=DOMAIN.replace("NOISE", NOISES[noise]),
        toml=TOML + more,
        agent="def solve(instance, ctx):\n    return ctx.params['level']\n",
        manifest='name = "one"\n[tunables.level]\ntype = "float"\nlow = 0.0\nhigh = 2.0\n',
        params="level = 0.0\n",
    )


@pytest.mark.parametrize(("repeats", "noisy"), [(1, False), (3, True)])
def test_repeats_of_one_instance_are_compared_with_the_incumbent_beside_them(
    tmp_path: Path, repeats: int, noisy: bool
) -> None:
    """Repeats of one generation share its moment of the machine: alone they showed errors far too small."""
    folder = one_score(tmp_path / "one", "none", f"repeats = {repeats}\n")
    planned = asyncio.run(launch.plan(launch.Options(domain=str(folder), generations=2), lambda _: None))
    assert planned.started.settings.noisy == noisy


@pytest.mark.slow
@pytest.mark.parametrize("noise", NOISES)
def test_a_gain_is_measured_again_in_fresh_processes(tmp_path: Path, noise: str) -> None:
    folder = one_score(tmp_path / "one", noise)
    (tmp_path / "script.toml").write_text(SCRIPT)
    command = ("run", str(folder), "--generations", "2", "--agent", f"script:{tmp_path / 'script.toml'}")
    ended = subprocess.run(sia(tmp_path / "w", *command), capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    with contextlib.closing(Reader.open(tmp_path / "w" / "events.db")) as reader:
        run = reader.find("last").run
        events = list(reader.history(run))
        assert replay.verify(reader, run).identical
    val = [
        (event.generation, one.repeat, one.score)
        for event in events
        if isinstance(one := event.payload, t.InstanceFinished) and one.split == "val"
    ]
    verdict = [one for event in events if isinstance(one := event.payload, t.GateDecided)][1]
    assert verdict.accepted
    first = events[0].payload
    assert isinstance(first, t.RunStarted)
    expected, most = (2 + again for again in executions_at_most(first.settings, 1))
    assert len(val) == expected if noise == "none" else expected < len(val) <= most
    if noise == "none":
        assert [repeat for n, repeat, _ in val if n == 2] == [0, 1, 2]
        assert verdict.test == "comparison of one score, equal in 3 executions"
    else:
        assert len({score for n, _, score in val if n == 1}) == 5
        assert (verdict.test, verdict.n, verdict.unit) == ("one-sided paired permutation test", 7, "repeat")
