"""The service of a cell with a model: it replies, scores, counts alike for all, and refuses beyond the budget."""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from benchmarks.arena import grid, tasks
from benchmarks.arena.__main__ import main
from benchmarks.arena.cell import BudgetSpent, Cell
from benchmarks.arena.journal import Journal
from benchmarks.arena.methods import driver
from benchmarks.arena.programs.program import judged
from benchmarks.arena.proposer import Proposer, Reply
from benchmarks.arena.service import Account, Service, model, upstream
from benchmarks.arena.service.served import Served

START = "def answer():\n    return 1.0\n"
PROMPT = f"```python\n{START}```"


def value_of(text: str) -> tuple[float, str]:
    """The number that a program returns, without running it."""
    try:
        return float(text.partition("return ")[2].split(maxsplit=1)[0]), ""
    except (IndexError, ValueError):
        return 0.0, "no number"


def account(budget: int = 3) -> Account:
    return Account(value_of, START, budget, tolerance=0.01)


def said(url: str, body: Mapping[str, Any] | None = None) -> str:
    """What the server answers to a GET, or to a POST of `body`."""
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
        return str(answer.read().decode())


def post(url: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return dict(json.loads(said(url, body)))


def ask(service: Service, text: str = PROMPT, **more: Any) -> dict[str, Any]:
    body = {"model": service.model, "messages": [{"role": "user", "content": text}], **more}
    return post(f"{service.url}/v1/chat/completions", body)


def score(service: Service, program: str) -> dict[str, Any]:
    return post(f"{service.url}/score", {"program": program})


@pytest.fixture
def counted() -> Account:
    return account()


@pytest.fixture
def service(counted: Account) -> Iterator[Service]:
    with Service(counted, Proposer(1)) as one:
        yield one


def test_a_completion_counts_as_a_proposal_and_its_tokens_by_characters(service: Service, counted: Account) -> None:
    made = ask(service)
    text = made["choices"][0]["message"]["content"]
    assert made["usage"] == {
        "prompt_tokens": -(-len(PROMPT) // 4),
        "completion_tokens": -(-len(text) // 4),
        "total_tokens": -(-len(PROMPT) // 4) + -(-len(text) // 4),
    }
    counted.close()
    assert counted.spent["proposals"] == 1
    assert counted.spent["tokens in"] == made["usage"]["prompt_tokens"]
    assert counted.spent["tokens out"] == made["usage"]["completion_tokens"]


def test_beyond_the_budget_the_quota_is_said_to_be_spent_and_evaluations_go_on(
    service: Service, counted: Account
) -> None:
    for _ in range(3):
        ask(service)
    assert not service.ended.is_set()
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(service)
    assert refused.value.code == 429
    assert json.load(refused.value)["error"]["code"] == "insufficient_quota"
    assert service.ended.is_set()
    assert score(service, "def answer():\n    return 3.0\n") == {"score": 3.0, "error": ""}
    assert (counted.proposals, counted.course) == (3, [(0, 1.0), (3, 3.0)])


def test_a_gain_below_the_tolerance_is_none_and_a_failure_says_why(service: Service, counted: Account) -> None:
    ask(service)
    assert score(service, "def answer():\n    return 1.005\n")["score"] == 1.005
    assert score(service, "def answer(")["error"] == "no number"
    assert counted.course == [(0, 1.0)]
    assert counted.evaluations == 3


def test_wasted_calls_are_those_from_which_no_new_program_was_scored(service: Service, counted: Account) -> None:
    for _ in range(3):
        ask(service)
    for program in (START, "def answer():\n    return 2.0\n", "def answer():\n    return 2.0\n\n"):
        score(service, program)
    counted.close()
    assert counted.spent["wasted calls"] == 2


def test_what_is_built_on_no_gain_is_counted(service: Service, counted: Account) -> None:
    changed, better = START.replace("1.0", "0.9"), START.replace("1.0", "2.0")
    score(service, changed), score(service, better)
    for program in (START, changed, better):
        ask(service, f"```python\n{program}```")
    assert counted.spent["built on no gain"] == 1


def test_a_stream_says_what_the_whole_reply_says(service: Service) -> None:
    text = ask(service)["choices"][0]["message"]["content"]
    again = account()
    with Service(again, Proposer(1)) as other:
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": PROMPT}]}
        lines = [line[6:] for line in said(f"{other.url}/v1/chat/completions", body).splitlines() if line]
    assert lines[-1] == "[DONE]"
    chunks = [json.loads(line) for line in lines[:-1]]
    deltas = [choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"]]
    assert "".join(deltas) == text
    assert chunks[-1]["usage"]["completion_tokens"] == -(-len(text) // 4)


def test_models_are_listed_and_other_paths_are_not_found(service: Service) -> None:
    assert [one["id"] for one in json.loads(said(f"{service.url}/v1/models"))["data"]] == [service.model]
    with pytest.raises(urllib.error.HTTPError, match="404"):
        post(f"{service.url}/v1/other", {})


def test_a_real_server_replies_in_place_of_the_proposer_and_is_counted_alike(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in (model.SERVER, model.MODEL):
        monkeypatch.setenv(variable, "")
    model.use(f"{service.url}/v1", "theirs")
    assert model.version() == "model theirs"
    replies = model.replies(tasks.find("packing-26"), 1)
    passed = account(9)
    with Service(passed, replies) as forwarding:
        for _ in range(3):
            assert "```python" in ask(forwarding)["choices"][0]["message"]["content"]
        with pytest.raises(urllib.error.HTTPError, match="429"):
            ask(forwarding)
    assert passed.proposals == 3
    assert not forwarding.ended.is_set()
    with pytest.raises(upstream.Refused, match="quota"):
        replies(1, {"messages": []})


@pytest.mark.parametrize(
    ("status", "content", "said"),
    [
        (401, b'{"error":{"message":"no such key"}}', "answers 401 Unauthorized .*no such key"),
        (404, b"", "answers 404"),
        (500, b"\xff", "answers 500"),
        (200, b"<html>", "answers what is no chat completion: <html>"),
        (200, b"[]", "no chat completion"),
        (200, b'{"choices":[{"message":null}]}', "no chat completion"),
        (200, b'{"choices":[{"message":{"content":[{"type":"text"}]}}]}', "no chat completion"),
        (200, b'{"choices":[{"message":{"tool_calls":[{"id":"1"}]}}]}', "no chat completion"),
    ],
)
def test_a_cell_whose_model_did_not_reply_is_not_kept_and_the_same_command_goes_on(
    status: int,
    content: bytes,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    for variable in (model.SERVER, model.MODEL):
        monkeypatch.setenv(variable, "")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    words = [
        "--out",
        str(tmp_path),
        "--tasks",
        "packing-26",
        "--methods",
        "sequential",
        "--seeds",
        "1",
        "--budget",
        "2",
    ]
    words += ["--server", f"http://127.0.0.1:{server.server_port}/v1", "--model", "theirs"]
    with Served(server):
        assert main(words) == 1
    assert re.search(said, found := capsys.readouterr().err), found
    assert "the same command goes on" in found
    assert main(words) == 1
    assert "cannot be reached (Connection refused)" in capsys.readouterr().err
    assert not Journal(tmp_path).outcomes


def _driver(tmp_path: Path, body: str) -> Path:
    script = tmp_path / "driver.py"
    script.write_text(
        "import json, sys, urllib.request, urllib.error\n"
        "told = json.loads(sys.stdin.readline())\n"
        "def post(url, body):\n"
        "    request = urllib.request.Request(url, json.dumps(body).encode())\n"
        "    return json.load(urllib.request.urlopen(request))\n"
        "def ask():\n"
        "    messages = [{'role': 'user', 'content': told['task'] + '\\n```python\\n' + told['program'] + '```'}]\n"
        "    return post(told['base_url'] + '/chat/completions', {'model': told['model'], 'messages': messages})\n"
        f"{body}"
    )
    return script


def _drive(script: Path, budget: int) -> Account:
    task = tasks.find("packing-26")
    counted = Account(value_of, START, budget, 0.0)
    try:
        driver._play(Path(sys.executable), script, task, 1, counted)
    finally:
        counted.close()
    return counted


def test_a_driver_runs_until_it_is_refused(tmp_path: Path) -> None:
    script = _driver(
        tmp_path,
        "while True:\n"
        "    try: text = ask()['choices'][0]['message']['content']\n"
        "    except urllib.error.HTTPError: sys.exit(0)\n"
        "    post(told['score_url'], {'program': text.split('```python')[1].split('```')[0]})\n",
    )
    with pytest.raises(BudgetSpent):
        _drive(script, 4)


@pytest.mark.parametrize(
    ("body", "said"), [("raise SystemExit('no model')", "no model"), ("ask()", "by itself after 1")]
)
def test_a_driver_that_ends_before_has_failed(tmp_path: Path, body: str, said: str) -> None:
    with pytest.raises(Exception, match=said):
        _drive(_driver(tmp_path, body), 4)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("def answer(:", "SyntaxError"),
        ("x = 1", "KeyError"),
        ("def answer():\n    raise SystemExit", "SystemExit"),
        ("def answer():\n    return float('nan')", "the score is nan"),
        ("import os\ndef answer():\n    os._exit(0)", "ended without an answer"),
        ("def answer():\n    while True: pass", "seconds"),  # of its processor, or of the clock where that is busy
    ],
)
def test_a_program_that_fails_scores_nothing_and_says_why(program: str, said: str) -> None:
    found, why = judged(program, float_of, limit_s=1)
    assert found == 0.0
    assert said in why


def float_of(entry: Any) -> float:
    return float(entry())


@pytest.mark.parametrize(
    "task", [one for one in tasks.TASKS.values() if one.kind == "program"], ids=lambda one: one.name
)
def test_every_start_runs_and_scores_the_same_each_time(task: tasks.Task) -> None:
    assert task.judge is not None
    start = task.start(1)
    found, why = task.judge(start)
    assert (why, found) == ("", task.score(start))
    assert Proposer(1)(1, {"messages": [{"role": "user", "content": f"```python\n{start}```"}]}) != Reply(start)
    assert task.best is None or found <= task.best


def test_a_small_cell_of_each_kind_of_sampling() -> None:
    outcomes = [grid.play(Cell("packing-26", name, 1, 8)) for name in ("independent", "sequential", "sequential")]
    assert [one.failure for one in outcomes] == ["", "", ""]
    assert [one.spent["proposals"] for one in outcomes] == [8, 8, 8]
    assert outcomes[1].course == outcomes[2].course
    assert all(one.best_at(8) > one.begun for one in outcomes)


@pytest.mark.parametrize("task", ["returned", "commented", "constant"])
@pytest.mark.parametrize("method", ["independent", "sequential"])
def test_nothing_is_gained_where_nothing_can_be(task: str, method: str) -> None:
    outcome = grid.play(Cell(task, method, 1, 6))
    assert (outcome.failure, len(outcome.course), outcome.spent["built on no gain"]) == ("", 1, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "accepts"), [("packing-26", True), ("returned", False), ("commented", False)])
def test_the_product_plays_as_a_user_runs_it_and_accepts_no_change_without_a_gain(task: str, accepts: bool) -> None:
    outcome = grid.play(Cell(task, "ours-model", 1, 6))
    assert outcome.failure == ""
    assert outcome.spent["proposals"] == 6
    assert (len(outcome.course) > 1) is accepts
    assert (outcome.spent["accepted"] > 0) is accepts
    assert outcome.spent["built on no gain"] == 0
