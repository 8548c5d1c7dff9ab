"""compare, bisect, replay and config show on a made-up run: what they print, and what they refuse."""

from __future__ import annotations

import contextlib
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from msgspec.structs import replace

from engine.core.replay import states
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.reader import Reader
from sia_tui.commands.reading import playback
from sia_tui.commands.reading.playback import Frame, Window, frames, play, step
from sia_tui.main import cli
from tests.histories import Play, settings, started


@pytest.fixture
def call(workspace: Path, finished: str) -> Any:
    def called(*arguments: str) -> Result:
        return CliRunner().invoke(cli, [*arguments, "--workspace", str(workspace)])

    return called


@pytest.fixture
def lines(workspace: Path, finished: str) -> list[Frame]:
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        return list(frames(states(reader, finished), Window()))


def test_a_run_beside_itself_differs_in_nothing(call: Any) -> None:
    shown = call("compare", "r1", "toy-1")
    assert shown.exit_code == 0, shown.output
    assert "best candidates on the 12 units of val that both have: +0.0000 ± 0.0000 (p = 1" in shown.output
    facts = json.loads(call("compare", "r1", "r1", "r1", "--json").output)
    assert [run["name"] for run in facts["runs"]] == ["toy-1"] * 3
    assert facts["settings"] == [] and len(facts["pairs"]) == 2


def test_another_rule_of_the_gate_is_shown_beside_the_recorded_one(call: Any) -> None:
    shown = call("compare", "r1", "--what-if", "gate.minimum_effect=0.5", "--what-if", "gate.alpha=.02")
    assert shown.exit_code == 0, shown.output
    assert "need p < 0.02 (in the run 0.01)" in shown.output
    assert "would not exist" in shown.output
    assert "from generation 3 on the run would have differed." in shown.output
    facts = json.loads(call("compare", "r1", "--what-if", "gate.minimum_effect=0.5", "--json").output)
    assert (facts["differs_at"], facts["parts_at"]) == (2, 3)


def test_the_honest_score_stands_beside_the_public_one_under_another_rule(workspace: Path, call: Any) -> None:
    with contextlib.closing(RunLog.hold(workspace, "r2")) as log:
        Play(log, started(settings())).to_rest()  # type: ignore[arg-type]
        last = {one.type: one for one in log.reader.history("r2")}
        done, verdict = last[t.ExecutionFinished.type], last[t.GateDecided.type]
        checked: Any = replace(done.payload, private=t.PrivateCheck(True, t.Score(0.125, 0.0, 12)))
        log.append([(done.generation, checked), (done.generation, verdict.payload)])
    shown = call("compare", "r2", "--what-if", "gate.alpha=.02").output
    score = checked.scores["val"].score
    assert f", honest 0.1250, gap {score - 0.125:+.4f}" in " ".join(shown.split())
    rows = json.loads(call("compare", "r2", "--what-if", "gate.alpha=.02", "--json").output)["generations"]
    assert [row["honest"] for row in rows] == [*[None] * (len(rows) - 1), 0.125]


@pytest.mark.parametrize(
    ("arguments", "status", "word"),
    [
        (["compare"], 2, "RUN"),
        (["compare", "r1"], 2, "--what-if"),
        (["compare", "r1", "r1", "--what-if", "gate.alpha=.1"], 2, "one RUN"),
        (["compare", "r1", "--what-if", "seed=3"], 1, "gate.run_alpha"),
        (["compare", "r1", "other"], 1, "other"),
        (["bisect", "r1", "val-99"], 1, "val-99"),
        (["replay", "r1", "--step"], 2, "terminal"),
        (["replay", "r1", "--speed", "-1"], 2, "--speed"),
        (["replay", "r1", "--verify", "--generation", "1"], 2, "--until"),
        (["replay", "r1", "--until", "100000"], 1, "has the events 1 to"),
        (["replay", "r1", "--generation", "4"], 1, "has no generation 4"),
        (["config", "show", "other"], 1, "other"),
    ],
)
def test_what_cannot_be_shown_is_refused(call: Any, arguments: list[str], status: int, word: str) -> None:
    refused = call(*arguments)
    assert refused.exit_code == status, refused.output
    assert word in f"{refused.output}{refused.exception}"


def test_bisect_shows_the_change_that_did_it(call: Any) -> None:
    shown = call("bisect", "r1", "val-3")
    assert shown.exit_code == 0, shown.output
    assert "generation 2 fixed val-3, from 0.1 to 0.2; generation 3 fixed it." in shown.output
    assert "-skill = 0\n+skill = 1\n" in shown.output
    changes = json.loads(call("bisect", "r1", "val-3", "--json").output)["changes"]
    assert [(change["n"], "skill = 2" in change["diff"]) for change in changes] == [(2, False), (3, True)]


def test_config_show_names_the_event_of_each_setting(call: Any) -> None:
    rows = {row["key"]: row for row in json.loads(call("config", "show", "r1", "--json").output)["settings"]}
    assert rows["seed"] == {"key": "seed", "value": 7, "origin": "given at the start", "event": 1}
    assert "given at the start, event 1" in call("config", "show", "r1").output


def test_config_show_without_a_run_tells_places_and_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def rows(*more: str) -> dict[str, Any]:
        shown = CliRunner().invoke(cli, ["config", "show", "--json", *more])
        assert shown.exit_code == 0, shown.output
        return {row["key"]: row for row in json.loads(shown.output)["settings"]}

    monkeypatch.delenv("SIA_WORKSPACE", raising=False)
    monkeypatch.delenv("SIA_CACHE", raising=False)
    assert rows()["workspace"]["origin"].startswith("the default")
    assert rows()["cache"]["origin"].startswith("the default")
    assert rows()["generations"]["value"] == 8
    assert rows("--workspace", str(tmp_path))["workspace"]["origin"] == "--workspace"
    monkeypatch.setenv("SIA_WORKSPACE", str(tmp_path))
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "c"))
    assert (rows()["workspace"]["value"], rows()["workspace"]["origin"]) == (str(tmp_path), "$SIA_WORKSPACE")
    assert (rows()["cache"]["value"], rows()["cache"]["origin"]) == (str(tmp_path / "c"), "$SIA_CACHE")


def test_a_replay_shows_what_was_shown_live_between_the_first_and_the_last_word(call: Any) -> None:
    shown = call("replay", "r1").output.splitlines()
    assert "toy-1: A toy · 3 generations · seed 7" in shown[0]
    assert "toy-1 finished" in shown[-1]
    texts = [row["text"] for row in json.loads(call("replay", "r1", "--json").output)]
    assert [line[8:] for line in shown] == texts


def test_a_replay_begins_and_ends_where_it_is_told_to(call: Any) -> None:
    everything = json.loads(call("replay", "r1", "--json").output)
    assert [row["generation"] for row in everything] != [2] * len(everything)
    second = json.loads(call("replay", "r1", "--json", "--generation", "2").output)
    assert second == [row for row in everything if row["generation"] == 2] != []
    first, last = everything[2]["n"], everything[4]["n"]
    some = json.loads(call("replay", "r1", "--json", "--from", str(first), "--until", str(last)).output)
    assert some == everything[2:5]
    found = json.loads(call("replay", "r1", "--verify", "--until", str(last), "--json").output)
    assert (found["identical"], found["events"]) == (True, last)


def test_nothing_after_the_last_event_is_read() -> None:
    def endless() -> Any:
        yield from ()
        raise AssertionError("read on")

    class Past:
        n = 5

    assert list(frames(itertools.chain([(Past(), None)], endless()), Window(last=4))) == []  # type: ignore[list-item]


def test_the_pace_is_that_of_the_run_divided_by_the_speed(lines: list[Frame], monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(playback.time, "sleep", slept.append)
    play(lines, 0)
    assert slept == []
    play(lines, 2)
    gaps = [after.event.at - before.event.at for before, after in itertools.pairwise(lines)]
    assert slept == [min(10.0, gap / 2e6) for gap in gaps]
    play(lines, 1e-12)
    assert max(slept) == 10.0


def test_a_step_shows_one_line_or_a_generation_or_ends(lines: list[Frame], capsys: pytest.CaptureFixture[str]) -> None:
    def shown(keys: str) -> list[str]:
        pressed = iter(keys)
        step(lines, lambda: next(pressed))
        return capsys.readouterr().out.splitlines()

    assert [len(shown(keys)) for keys in ("q", "\rq", "\r\r q", "\x04")] == [0, 1, 3, 0]
    first = sum(frame.event.generation == 0 for frame in lines)
    assert len(shown("gq")) == first
    assert len(shown("g\rq")) == first + 1
    assert len(shown("g" * 4)) == len(lines)

    def closed() -> str:
        raise EOFError

    step(lines, closed)
    assert capsys.readouterr().out == ""


def test_renaming_and_remarks_have_a_line(workspace: Path, finished: str) -> None:
    from engine.events.log import RunLog

    with contextlib.closing(RunLog.hold(workspace, finished)) as log:
        log.append([(3, t.RunRenamed("other")), (3, t.RunNoted("[b]bold[/b]"))])
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        found = [frame.as_json()["text"] for frame in frames(states(reader, finished), Window())]
    assert found[-2:] == ["renamed to other", "note: [b]bold[/b]"]
