"""A run whose agent is a program of the user's in a folder, from the first harness to the last verdict."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine import trust
from engine.events import types as t
from engine.events.reader import Reader
from engine.sandbox import probe
from tests.fakes import playing_client
from tests.playing import payloads, small
from tests.story import sia, story

pytestmark = pytest.mark.slow
PLAYER = playing_client.__file__
AGENT = f"command:python3 {PLAYER}"


def call(workspace: Path, *arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*sia(workspace, *arguments), "--headless"], capture_output=True, text=True, timeout=250, check=False, **more
    )


def run(folder: Path, agent: str = AGENT, *more: str, generations: int = 2) -> subprocess.CompletedProcess[str]:
    """A run on the small toy in `folder`."""
    words = ("run", small(folder / "times7", val=40), "--agent", agent, "--generations", str(generations), *more)
    return call(folder / "w", *words)


def texts(workspace: Path, kind: type[t.Payload], name: str) -> list[str]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return [reader.blob(getattr(one, name)).decode() for one in payloads(workspace, kind)]


@pytest.fixture(scope="module", autouse=True)
def _contained() -> None:
    if probe().level == "none":
        pytest.skip("no sandbox can be built here")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Four generations, of which the second and the third are accepted."""
    folder = tmp_path_factory.mktemp("coded")
    done = run(folder, AGENT, "--name", "first", generations=4)
    assert done.returncode == 0, done
    yield folder / "w"


def test_it_writes_the_first_harness_and_improves_it_by_code_in_files(finished: Path) -> None:
    assert [one.accepted for one in payloads(finished, t.GateDecided)] == [True, True, True, False]
    written = payloads(finished, t.HarnessWritten)
    assert [one.author for one in written] == ["meta", *["command"] * 3]
    with contextlib.closing(Reader.open(finished / "events.db")) as reader:
        files = [reader.blob(one.files["agent.py"]).decode() for one in written[1:]]
    assert files == [playing_client.program(rule) for rule in playing_client.RULES]
    analyses = payloads(finished, t.AnalysisFinished)
    assert [one.reason for one in analyses] == [f"answer {rule}" for rule in playing_client.RULES]
    assert [one.expected_gain for one in analyses] == [0.5] * 3 and all(one.evidence for one in analyses)
    assert analyses[-1].notebook == "".join(f"after {n}: {rule}\n" for n, rule in enumerate(playing_client.RULES, 1)), (
        "its notebook is kept over generations"
    )


def test_an_errand_is_recorded_with_all_that_it_was(finished: Path) -> None:
    errands = payloads(finished, t.ClientFinished)
    assert [(one.role, one.place, one.ordinal) for one in errands] == [
        ("meta", "meta/0", 0), *(("feedback", f"feedback/{n}/0", 0) for n in (1, 2, 3)),
    ]  # fmt: skip
    for one in errands:
        assert one.client == AGENT and one.command[1:] == [PLAYER] and one.unmetered and one.wall_s > 0
        assert (one.said, one.failure, one.reused) == ([], None, False)
    _, _, _, last = texts(finished, t.ClientFinished, "transcript")
    listed = last.partition("the folder:")[2]
    for path in ("TASK.md", "CANDIDATES.md", "candidates/g2/harness/agent.py", "train/g3/SCORES.tsv", "NOTES.md"):
        assert f"\n  {path}\n" in listed
    assert "on 8 of train, which it did not learn from: mean score 0." in last, "sia-try has answered"


def test_nothing_of_val_or_test_lies_in_the_folder(finished: Path) -> None:
    told = texts(finished, t.ClientFinished, "prompt") + texts(finished, t.ClientFinished, "transcript")
    assert not [text for text in told if "val-" in text or "test-" in text]
    assert [text for text in told if "train-" in text]


def test_replay_and_fork_start_nothing(finished: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "w"
    trust.remember(shutil.copytree(finished, workspace))
    # a program of that name that says so if it is started
    liar = tmp_path / "bin" / "python3"
    liar.parent.mkdir()
    liar.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 3\n")
    liar.chmod(0o755)
    path = os.environ | {"PATH": f"{liar.parent}:{os.environ['PATH']}"}
    assert json.loads(call(workspace, "replay", "first", "--verify", "--json", env=path).stdout)["identical"]
    done = call(workspace, "fork", "first", "--at", "4", "--name", "second", env=path)
    assert done.returncode == 0, done
    told = [one for one in story(workspace, "second") if one[0] != "probe"]
    assert told == [one for one in story(workspace, "first") if one[0] != "probe"]
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        events = reader.history(reader.find("second").run, after=4)
        assert [one.payload.reused for one in events if isinstance(one.payload, t.ClientFinished)] == [True] * 4
    assert not (tmp_path / "started").exists()


def test_it_may_begin_from_the_seed_of_the_domain(tmp_path: Path) -> None:
    done = run(tmp_path, AGENT, "--seed-harness")
    assert done.returncode == 0, done
    assert [one.author for one in payloads(tmp_path / "w", t.HarnessWritten)] == ["seed", "command"]


def test_a_decision_that_does_not_hold_comes_back_with_the_reason(tmp_path: Path) -> None:
    for fault, why in (("out of form", "Invalid enum value 'luck'"), ("does not run", "ValueError: not yet")):
        folder = tmp_path / fault
        folder.mkdir()
        done = run(folder, f"{AGENT} {fault}")
        assert done.returncode == 0, done
        prompts = texts(folder / "w", t.ClientFinished, "prompt")
        assert len(prompts) == 3 and why in prompts[2] and "Your decision did not hold" in prompts[2]
        assert [one.accepted for one in payloads(folder / "w", t.GateDecided)] == [True, True]


@pytest.mark.parametrize(
    ("fault", "why", "kind"),
    [
        ("crash", "ended with status 7: about to fail", "model"),
        ("no decision", "there is no DECISION.json", None),
    ],
)
def test_one_that_makes_no_decision_ends_the_run_with_a_sentence(
    tmp_path: Path, fault: str, why: str, kind: str | None
) -> None:
    done = run(tmp_path, f"{AGENT} {fault}", "--seed-harness")
    assert done.returncode == 0, done
    (reason,) = [one.reason for one in payloads(tmp_path / "w", t.RunFinished)]
    assert "no further candidate was found, since 4 decisions did not hold" in reason and why in reason
    failures = {one.failure.kind if one.failure else None for one in payloads(tmp_path / "w", t.ClientFinished)}
    assert failures == {kind}


def test_one_that_hangs_is_stopped_after_its_minutes(tmp_path: Path) -> None:
    done = run(tmp_path, f"{AGENT} hang", "--seed-harness", "--agent-minutes", "0.05")
    assert done.returncode == 0, done
    errands = payloads(tmp_path / "w", t.ClientFinished)
    assert {one.failure.kind for one in errands if one.failure} == {"timeout"} and len(errands) == 2
    assert "stopped after 0.05 minutes" in payloads(tmp_path / "w", t.RunFinished)[0].reason


def test_edits_outside_the_folder_do_not_happen_and_others_are_ignored_and_said(tmp_path: Path) -> None:
    done = run(tmp_path, f"{AGENT} outside", "--seed-harness")
    assert done.returncode == 0, done
    (errand,) = payloads(tmp_path / "w", t.ClientFinished)
    assert errand.said == [
        "harness/link.py in its folder: links are left out",
        "it has changed TASK.md, which was ignored",
    ]
    assert "it has changed TASK.md" in done.stdout + done.stderr
    (told,) = texts(tmp_path / "w", t.ClientFinished, "transcript")
    assert "refused /etc/sia-was-here" in told and not Path("/etc/sia-was-here").exists()
    assert not (Path.home() / "kept").exists()
    assert set(payloads(tmp_path / "w", t.HarnessWritten)[-1].files) == set(errand.files) >= {"agent.py"}
    assert "link.py" not in errand.files
