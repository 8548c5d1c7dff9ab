"""A harness may be any program: the instance in, the answer out, what it prints as its log."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

import pytest

from engine.sandbox import Isolation, Outcome, Program, run_harness
from harness_repo.harness import parse
from tests.docs.commandline import DOCS
from tests.unit.sandbox.gateway.replies import SAID
from tests.unit.sandbox.gateway.test_in_a_sandbox import ASK, LIMITS, Model
from tests.unit.sandbox.running import jobs

PAGE = DOCS / "any-program.md"


async def collected(outcomes: Any) -> list[Outcome]:
    return sorted([one async for one in outcomes], key=lambda one: str(one.key))


def run(files: dict[str, str], data: Sequence[Any], isolation: Isolation, **options: Any) -> list[Outcome]:
    import asyncio

    contents = {path: textwrap.dedent(text).encode() for path, text in files.items()}
    broker = options.pop("broker", None) or Model()
    settings = {"command": ["python", "mine.py"], "limits": LIMITS, **options}
    program = Program(contents, "", **settings)
    return asyncio.run(collected(run_harness(program, jobs(data), workers=1, broker=broker, isolation=isolation)))


def test_an_instance_comes_on_standard_input_and_what_is_printed_is_the_answer(isolation: Isolation) -> None:
    source = """
    import json, sys
    print("thinking", file=sys.stderr)
    print(json.load(sys.stdin)["data"].upper())
    """
    first, second = run({"mine.py": source}, ["a", "b"], isolation)
    assert (first.answer, second.answer) == ("A", "B")
    assert "thinking" in first.log


def test_an_answer_in_the_file_makes_what_is_printed_the_log(isolation: Isolation) -> None:
    source = """
    import json, os
    instance = json.load(open(os.environ["SIA_INSTANCE"]))
    print("a line of the log")
    json.dump({"said": instance["data"]}, open(os.environ["SIA_ANSWER"], "w"))
    """
    (outcome,) = run({"mine.py": source}, [[1, {"x": b"\1"}]], isolation)
    assert outcome.answer == {"said": [1, {"x": "AQ=="}]}
    assert outcome.log == "a line of the log\n"


def test_what_is_printed_may_be_json(isolation: Isolation) -> None:
    files = {"mine.py": "print('[1, 2.5, null]')"}
    assert run(files, ["a"], isolation, answer="json")[0].answer == [1, 2.5, None]
    assert run(files, ["a"], isolation)[0].answer == "[1, 2.5, null]"


def test_it_may_be_a_program_in_another_language_and_writes_beside_its_files(isolation: Isolation) -> None:
    files = {"run.sh": "#!/bin/sh\ncat notes/one.txt > two.txt && cat two.txt", "notes/one.txt": "from a file"}
    assert run(files, ["a", "b"], isolation, command=["./run.sh"])[1].answer == "from a file"


def test_it_learns_from_a_file_and_finds_the_folders_of_the_domain(isolation: Isolation, tmp_path: Any) -> None:
    from domains.contract import Instance

    (tmp_path / "given.txt").write_text("given")
    tmp_path.chmod(0o755)
    source = """
    import json, os, pathlib
    rows = [json.loads(line) for line in open(os.environ["SIA_TRAIN"])]
    print(rows[0]["label"], len(rows), pathlib.Path(os.environ["SIA_GIVEN"], "given.txt").read_text())
    """
    train = [Instance("t1", "text", "label"), Instance("t2", "more", "other")]
    (outcome,) = run({"mine.py": source}, ["a"], isolation, train=train, folders={"given": str(tmp_path)})
    assert outcome.answer == "label 2 given"


def test_it_calls_the_model_through_the_gateway(isolation: Isolation) -> None:
    model = Model()
    source = ASK + "print(ask(json.load(open(os.environ['SIA_INSTANCE']))['data']))"
    first, _ = run({"mine.py": source}, ["a", "b"], isolation, broker=model, gateway=True)
    assert first.answer.startswith("Es regnet")
    assert model.calls == [("key0", 0, "a"), ("key1", 0, "b")]


@pytest.mark.parametrize(
    ("source", "options", "kind", "message"),
    [
        ("import sys; sys.exit('no luck')", {}, "candidate", "the program ended with exit status 1: no luck"),
        ("", {}, "candidate", "it printed none"),
        ("print('{')", {"answer": "json"}, "candidate", "what it printed is not JSON"),
        ("open(__import__('os').environ['SIA_ANSWER'], 'w').write('NaN')", {}, "candidate", "the number nan"),
        ("", {"command": ["no-such-program"]}, "candidate", "there is no program no-such-program"),
        ("import os; os.kill(os.getpid(), 9)", {}, "candidate", "SIGKILL"),
        (ASK + "ask('forbidden')", {"gateway": True}, "model", "HTTP Error 403"),
    ],
)
def test_a_failure_says_what_went_wrong(source: str, options: Any, kind: str, message: str, best: Isolation) -> None:
    (outcome,) = run({"mine.py": source}, ["a"], best, **options)
    assert outcome.failure is not None
    assert outcome.failure.kind == kind
    assert message in outcome.failure.message


def test_nothing_of_a_program_stays_for_the_next_solve(best: Isolation) -> None:
    source = """
    import os, pathlib, subprocess
    left = sorted(path.name for path in pathlib.Path(os.environ["HOME"]).rglob("*"))
    pathlib.Path("left.txt").write_text("x")
    subprocess.Popen(["sleep", "60"], start_new_session=True)  # with the program's own outputs
    print(left)
    """
    first, second = run({"mine.py": source}, ["a", "b"], best)
    assert first.answer == second.answer
    assert first.failure is None and second.failure is None


def test_the_program_on_the_page_runs(best: Isolation) -> None:
    (shown,) = re.findall(r"```python\n# harness/my_agent.py\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (manifest,) = re.findall(r"```toml\n# harness/harness.toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    words = parse({"harness.toml": manifest.encode(), "my_agent.py": shown.encode()}).manifest.command
    model = Model()
    (outcome,) = run({"my_agent.py": shown}, ["3 kg of salt"], best, command=words, gateway=True, broker=model)
    assert outcome.answer == SAID["text"].strip()
    assert model.calls == [("key0", 0, "Which quantity is this? One word. 3 kg of salt")]
