"""The private check, from grades to the gate: a candidate that games the score is refused, gets no number, and is never
built upon."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from domains.contract import Grade
from engine.core import gate
from engine.core.results import private_check
from engine.evaluation import answer_codec
from engine.events import types as t
from engine.events.reader import Reader
from engine.steps.improvement import _without_private_scores
from tests.story import sia, written

DOMAIN = """
import hashlib
from domains.contract import Grade, Instance, Summary
class Guarded:
    def digest(self): return hashlib.sha256(b"guarded").hexdigest()
    def instances(self, split): return [Instance(f"{split}-{n}", n) for n in range(12)]
    def grade(self, instance, answer):
        if answer == "malformed": return Grade(0.0, refused="it is no answer")
        score, honest = answer
        return Grade(score, honest=honest, floor=0.5, measures={"twice": 2 * score}, detail="so")
    def summarise(self, split, graded): return Summary()
    def baselines(self, train, on): return {"half": [[0.5, 0.5] for _ in on], "none": ["malformed" for _ in on]}
    def plots(self, pictures, points, folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "all.txt").write_text(repr([(one.name, one.instance, one.answer) for one in pictures]) + repr(points))
        return ["all.txt"]
def load(data): return Guarded()
"""
TOML = """
name = "guarded"
title = "A score that can be gamed, and one that cannot."
metric = "public"
minimum_effect = 0.01
train_sample = 2
probe_fold = 2
learns = false
[limits]
cpu_s = 2
memory_mb = 512
"""
AGENT = """
def prepare(ctx):
    assert ctx.train() == []
def solve(instance, ctx):
    if ctx.params["malformed"]: return "malformed"
    return [ctx.params["public"] + instance.data / 1000, ctx.params["honest"]]
"""
TUNABLES = """
name = "guarded"
[tunables.public]
type = "float"
low = 0.0
high = 1.0
[tunables.honest]
type = "float"
low = 0.0
high = 1.0
[tunables.malformed]
type = "choice"
choices = [false, true]
"""


def write(folder: Path, first: str) -> Path:
    return written(folder, domain=DOMAIN, toml=TOML, agent=AGENT, manifest=TUNABLES, params=first)


def played(tmp_path: Path, first: str, *decisions: str) -> Any:
    """What `show` reports of a run whose candidates are scripted, in the workspace `tmp_path / "w"`."""
    script = tmp_path / "script.toml"
    script.write_text("\n".join(f"[[decision]]\nparams = {{ {decision} }}" for decision in decisions))
    domain = write(tmp_path / "guarded", first)
    run(tmp_path, "run", str(domain), "--generations", str(len(decisions) + 1), "--agent", f"script:{script}")
    return json.loads(run(tmp_path, "show", "last", "--json").stdout)


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = sia(tmp_path / "w", *arguments)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done
    return done


def test_a_gamed_score_is_refused_and_an_honest_one_accepted(tmp_path: Path) -> None:
    facts = played(
        tmp_path,
        "public = 0.1\nhonest = 0.6\nmalformed = false",
        "public = 0.9, honest = 0.49",
        "malformed = true",
        "public = 0.3, honest = 0.5, malformed = false",
    )
    first, gamed, broken, honest = facts["generations"]
    assert [one["accepted"] for one in facts["generations"]] == [True, False, False, True]
    assert gamed["reason"] == broken["reason"] == "refused: failed the private check"
    assert gamed["val"]["score"] > 0.9
    assert (gamed["val"]["honest"], gamed["val"]["honest_floor"]) == pytest.approx((0.49, 0.5))
    assert broken["private"]["refused"] == {"it is no answer": 12}
    assert first["private"]["measures"]["twice"] == pytest.approx(2 * first["val"]["score"])
    assert honest["private"]["passed"]
    assert {row["name"]: row["refused"] for row in facts["baselines"]} == {"half": [], "none": ["it is no answer"]}
    assert json.loads(run(tmp_path, "replay", "last", "--verify", "--json").stdout)["identical"]
    report = json.loads(run(tmp_path, "test", "last", "--json").stdout)
    assert (report["honest"], report["honest_floor"], report["private"]["passed"]) == (0.5, 0.5, True)
    assert json.loads(run(tmp_path, "replay", "last", "--verify", "--json").stdout)["identical"]
    assert "honest 0.5000 (floor 0.5000)" in run(tmp_path, "show", "last").stdout


def test_a_first_candidate_that_fails_the_check_gives_way_to_whoever_passes(tmp_path: Path) -> None:
    facts = played(tmp_path, "public = 0.9\nhonest = 0.1\nmalformed = false", "public = 0.2, honest = 0.6")
    assert "though it failed the private check" in facts["generations"][0]["reason"]
    assert facts["generations"][1]["accepted"]
    assert facts["best"]["generation"] == 2
    drawn = run(tmp_path, "show", "last", "--plots", str(tmp_path / "drawn"))
    assert "all.txt" in drawn.stdout
    text = (tmp_path / "drawn" / "all.txt").read_text()
    assert "('generation 1', 'val-0', [0.9, 0.1]), ('generation 2', 'val-0', [0.2, 0.6])" in text
    assert "'half': (0.5, 0.5)" in text


def test_agents_read_no_honest_score_no_floor_and_no_reason(tmp_path: Path) -> None:
    played(tmp_path, "public = 0.1\nhonest = 0.2\nmalformed = false", "malformed = true")
    with contextlib.closing(Reader.open(tmp_path / "w" / "events.db")) as reader:
        results = [
            event.payload
            for event in reader.history(reader.find("last").run)
            if isinstance(event.payload, t.InstanceFinished) and event.payload.split == "train"
        ]
    seen = [_without_private_scores(result) for result in results]
    assert len(seen) == 4
    for one in seen:
        assert (one.honest, one.floor, one.measures) == (None, None, {})
        assert one.refused == "failed the private check"


@pytest.mark.parametrize(
    ("grades", "passed"),
    [
        ([Grade(1, honest=0.5, floor=0.5)], True),
        ([Grade(1, honest=0.49, floor=0.5)], False),
        ([Grade(1, honest=0.4, floor=0.5), Grade(1, honest=0.7, floor=0.5)], True),
        ([Grade(1, honest=0.9, floor=0.5), Grade(1, refused="no")], False),
        ([Grade(1, honest=0.9, floor=0.5), Grade(0)], True),
        ([Grade(1, honest=-9)], True),
    ],
)
def test_the_check_is_of_the_mean_and_of_every_refusal(grades: list[Grade], passed: bool) -> None:
    check = private_check(grades)
    assert check is not None
    assert check.passed is passed


def test_a_domain_without_a_private_score_has_no_check() -> None:
    assert private_check([Grade(1.0), Grade(0.0, detail="wrong")]) is None


def test_the_gate_refuses_whatever_the_score_and_takes_whoever_passes() -> None:
    rule = t.Gate(minimum_effect=0.01)
    better, worse = {("a", 0): 0.9, ("b", 0): 0.9}, {("a", 0): 0.1, ("b", 0): 0.1}

    def judged(candidate: Any, incumbent: Any, **checks: bool) -> t.GateDecided:
        return gate.compare(candidate, incumbent, against=1, gate=rule, generations=2, noisy=False, rules=2, **checks)

    assert not judged(better, worse, refused=True).accepted
    assert not judged(better, worse, refused=True, rival_refused=True).accepted
    assert judged(worse, better, rival_refused=True).accepted
    assert not judged(worse, better).accepted


def test_very_long_answers_are_kept_by_their_digest() -> None:
    stored, contents = answer_codec.pack({"values": bytes(3 << 20)})
    assert contents == []
    assert stored != answer_codec.pack({"values": bytes(3 << 20) + b"1"})[0]
    assert "not kept" in answer_codec.unpack(stored, lambda name: b"")
    assert answer_codec.pack(answer_codec.StoredAnswer(stored)) == (stored, [])
