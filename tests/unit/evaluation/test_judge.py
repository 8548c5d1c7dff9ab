"""Grades in which a language model takes part: asked of a server on loopback, recorded, and never paid twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.domain_check.templates import create
from engine.events import types as t
from tests.docs.commandline import sia
from tests.fakes.openai_server import OpenAIServer, Plan
from tests.fakes.serving import Asked
from tests.playing import payloads

pytest.importorskip("httpx2", reason="the extra agents is not installed")


def honest(asked: Asked) -> Plan:
    """A judge that reads the reply and says yes or no; a function of the question alone."""
    text = asked.body["messages"][-1]["content"]
    found = re.fullmatch(r"The reply:\n<reply>\n(.*)\n</reply>\n\n(.*) Yes or no\?", text, re.DOTALL)
    assert found, text
    reply, question = found[1].lower(), found[2]
    if question.startswith("Is the reply free"):
        right = "everything" not in reply
    elif "apologise" in question:
        right = len(re.findall("sorry|apolog", reply)) == 1
    else:
        wanted = re.search(r"(?:by name, |say that this happens by |say that )(.*)\?", question)
        assert wanted, question
        right = wanted[1].lower() in reply
    return Plan("Yes." if right else "No.")


class Judged(NamedTuple):
    """A folder with the task `mine`, a judge for it, and how often a first run has asked it."""

    folder: Path
    server: OpenAIServer
    asked: int = 0

    @property
    def judge(self) -> str:
        return f"openai:m@{self.server.url}/v1"

    def sia(self, *arguments: str) -> Any:
        done = sia(self.folder, *arguments, "--json")
        assert done.status == 0, done
        return json.loads(done.output)


def small(folder: Path) -> None:
    """The template with fewer instances."""
    create(folder, "judge")
    code = (folder / "domain.py").read_text()
    sizes = 'SIZES = {"train": 16, "val": 24, "test": 24}'
    assert sizes in code
    (folder / "domain.py").write_text(code.replace(sizes, 'SIZES = {"train": 8, "val": 12, "test": 6}'))


def asked_so_far(judged: Judged) -> int:
    return sum(record.path.endswith("/chat/completions") for record in judged.server.records)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:
    """A finished run of two generations, tested."""
    folder = tmp_path_factory.mktemp("judged")
    small(folder / "mine")
    with OpenAIServer(honest, kind="other") as server:
        made = Judged(folder, server)  # type: ignore[arg-type]
        made.sia("run", "mine", "--judge", made.judge, "--generations", "2", "--name", "first")
        yield made._replace(asked=asked_so_far(made))


def test_a_judged_run_improves_and_every_verdict_is_in_the_log(judged: Judged) -> None:
    first, second = judged.sia("show", "first")["generations"]
    assert second["accepted"]
    assert second["val"]["score"] > first["val"]["score"] + 0.2
    calls = [row["payload"] for row in events(judged) if row["type"] == "model.called"]
    calls = [call for call in calls if not call["place"].startswith("test/")]  # another test may have unsealed it
    assert {call["role"] for call in calls} == {"judge"}
    assert sum(not call.get("reused") for call in calls) == judged.asked
    assert {call["place"] for call in calls} >= {"val/val-00/0", "val/val-00/baseline thank you"}


def test_the_run_is_replayed_without_a_judge(judged: Judged) -> None:
    before = asked_so_far(judged)
    assert judged.sia("replay", "first", "--verify")["identical"]
    assert asked_so_far(judged) == before


def test_the_sealed_test_is_judged(judged: Judged) -> None:
    tested = judged.sia("test", "first")
    assert tested["score"] > tested["baselines"][0]["score"]


def test_a_fork_asks_nothing_that_its_lineage_knows(judged: Judged) -> None:
    started = next(row["n"] for row in events(judged) if row["type"] == "baseline.measured")
    before = asked_so_far(judged)
    judged.sia("fork", "first", "--at", str(started), "--set", "generations=1")
    assert asked_so_far(judged) == before


@pytest.mark.slow
def test_a_judge_that_is_gone_is_no_score_of_zero(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_RETRIES", "0")
    small(tmp_path / "mine")
    with OpenAIServer(lambda _: Plan(status=500), kind="other") as server:
        done = sia(tmp_path, "run", "mine", "--judge", f"openai:m@{server.url}/v1", "--generations", "1")  # type: ignore[attr-defined]
    assert done.status == 1
    assert payloads(tmp_path / ".sia", t.InstanceFinished) == []


@pytest.mark.parametrize("wrong", [["mine"], ["plain", "--judge", "smollm2"]])
def test_a_judge_is_named_where_one_is_asked_and_nowhere_else(tmp_path: Path, wrong: list[str]) -> None:
    create(tmp_path / "mine", "judge")
    create(tmp_path / "plain", "program")
    done = sia(tmp_path, "run", *wrong)
    assert (done.status, "--judge" in done.errors) == (1, True), done
    assert not (tmp_path / ".sia").exists()


def events(judged: Judged) -> list[dict[str, Any]]:
    done = sia(judged.folder, "log", "first", "--json")
    return [json.loads(line) for line in done.output.splitlines()]


def wavering(asked: Asked) -> Plan:
    """A judge whose verdict changes from call to call."""
    return Plan("yes" if asked.n * 7 % 5 < 3 else "no")


@pytest.mark.parametrize(
    ("judge", "status", "says"),
    [
        (honest, "pass", "graded 10 times are equal"),
        (wavering, "fail", "spread by 0."),
    ],
)
def test_check_measures_the_noise_of_the_judge(tmp_path: Path, judge: Any, status: str, says: str) -> None:
    small(tmp_path / "mine")
    with OpenAIServer(judge, kind="other") as server:
        done = sia(tmp_path, "check", "mine", "--judge", f"openai:m@{server.url}/v1", "--json")  # type: ignore[attr-defined]
    (noise,) = [one for one in json.loads(done.output)["checks"] if one["check"] == "noise"]
    assert (noise["status"], says in noise["sentence"]) == (status, True), noise
    assert not (tmp_path / ".sia").exists()
