"""The search agent on a harness that declares nothing: it changes the structure, and the gate judges as ever."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any

from engine.core.replay import verify as replay
from engine.events import types as t
from engine.events.reader import Reader
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from harness_repo.structure.named import changes_of
from tests.playing import payloads, small
from tests.story import sia

LARGER = """def solve(instance, ctx):
    digit = 7 * instance.data % 10
    return max([digit, 20])
"""


def bare(folder: Path, agent: str = LARGER) -> str:
    """The small toy with a harness that declares no tunables."""
    place = Path(small(folder, val=8, learnt=10))
    (place / "harness" / "params.toml").unlink()
    (place / "harness" / "harness.toml").write_text('name = "bare"\n')
    (place / "harness" / "agent.py").write_text(agent)
    return str(place)


def run(workspace: Path, *arguments: str) -> Any:
    done = subprocess.run(sia(workspace, *arguments), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done
    shown = subprocess.run(sia(workspace, "show", "last", "--json"), capture_output=True, check=True, timeout=120)
    return json.loads(shown.stdout)


def test_what_only_another_structure_improves_is_found_and_told_in_a_sentence(tmp_path: Path) -> None:
    place = tmp_path / "w"
    facts = run(place, "run", bare(tmp_path / "toy"), "--generations", "2", "--probes", "40", "--seed", "3")
    assert facts["generations"][0]["val"]["score"] == 0 and facts["best"]["val"]["score"] == 1
    best = facts["best"]["generation"]
    written = next(one for one in payloads(place, t.HarnessWritten) if one.number == best)
    assert written.changed.startswith("line ") and written.changed in written.reason
    probes = payloads(place, t.ProbeFinished)
    tried = [one for one in probes if "; then ".join(changes_of(one.params)) == written.changed]
    assert tried[0].score.score == 1 and tried[0].why.startswith(changes_of(tried[0].params)[-1])
    broken = [one for one in probes if one.failure]
    whole = max(one.evaluations for one in probes)
    assert broken and min(one.evaluations for one in broken) == 1 < whole, "a program that breaks ends there"
    with contextlib.closing(Reader.open(place / "events.db")) as reader:
        assert replay(reader, reader.find("last").run).identical
        assert audit(reader, Workspace(place)).problems == []


def test_where_the_score_is_a_constant_nothing_is_accepted(tmp_path: Path) -> None:
    toy = bare(tmp_path / "toy")
    domain = Path(toy, "domain.py")
    domain.write_text(domain.read_text().replace("score=float(right)", "score=0.5"))
    facts = run(tmp_path / "w", "run", toy, "--generations", "3", "--probes", "12", "--seed", "4")
    assert [one["accepted"] for one in facts["generations"]][1:] == [False] * (len(facts["generations"]) - 1)
    assert len([one for one in payloads(tmp_path / "w", t.ProbeFinished) if changes_of(one.params)]) > 8
