"""docs/commands.md: its help is the help of the commands, and each of its examples ends with exit status 0."""

from __future__ import annotations

import contextlib
import re
import shlex
import shutil
from pathlib import Path

import pytest

from engine.compute.devices import gpus
from engine.events.log import RunLog
from engine.run.workspace import Workspace
from tests import tensor_files
from tests.docs.commandline import PEERS, ROOT, TOY, contained, live_run, served, sia, waiting_run
from tests.docs.helptext import PAGE, commands, refreshed, sections
from tests.histories import Play, settings, started

TOY_FOR = {
    "lawbench": str(TOY),
    "case-0019": "val-100",
    "function_minimization": str(PEERS / "openevolve"),
    "~/tasks/tickets": str(TOY),
    "Traceback": "accepted",
    '"divided by 10"': "train",
    "better.py": str(PEERS / "openevolve" / "initial_program.py"),
}
"""The examples name LawBench and a case of it; here they run on a toy that needs no data and little time,
and in which nothing raises."""
CALLS = ROOT / "tests" / "golden" / "v4-models.db"
"""A log with calls of language models and of tools."""
SOUND = "toy"
"""A domain that passes `sia check`."""
ENDS_AS = {"pause": "paused", "stop": "stopped", "approve": "finished"}
"""Commands that need a live engine, and what becomes of its run."""

_EXAMPLE = re.compile(r"^\$ sia (.+)$", re.MULTILINE)
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(text: str) -> list[str]:
    return [found[1] for block in _CONSOLE.finditer(text) for found in _EXAMPLE.finditer(block[1])]


def test_every_command_has_a_section_and_the_page_has_no_other() -> None:
    assert list(sections(PAGE.read_text())) == list(commands())


def test_the_help_on_the_page_is_the_help_of_the_command() -> None:
    page = PAGE.read_text()
    assert page == refreshed(page), "run `python -m tests.docs.helptext`"


def test_help_that_drifted_is_noticed() -> None:
    page = PAGE.read_text()
    drifted = page.replace("--follow", "--fellow")
    assert drifted != page
    assert refreshed(drifted) != drifted


def test_every_section_has_an_example_of_its_own_command() -> None:
    for command, text in sections(PAGE.read_text()).items():
        assert any(example.startswith(command) for example in examples(text)), command


def with_an_adapter(folder: Path) -> Path:
    """A folder with a finished run of a model of its own, and an adapter for that in `made-elsewhere`."""
    workspace, model = Workspace(folder / ".sia"), tensor_files.checkpoint(folder / "model")
    workspace.create()
    with contextlib.closing(RunLog.hold(workspace.path, "r1")) as log:
        Play(log, started(settings(model=f"hf:{model}"))).to_rest()
    tensor_files.adapter(folder / "made-elsewhere")
    return folder


@pytest.mark.slow
@pytest.mark.usefixtures("_an_agent_answers")
def test_every_example_does_what_it_says(tmp_path: Path) -> None:
    quiet, busy, asking, apart = (tmp_path / name for name in ("quiet", "busy", "asking", "apart"))
    tuned = with_an_adapter(tmp_path / "tuned")
    for place in (quiet, busy, apart, asking / ".sia"):
        place.mkdir(parents=True)
    shutil.copy(CALLS, asking / ".sia" / "events.db")
    (quiet / "cases.jsonl").write_text("1\n2\n")
    # `resume` continues what `stop` has stopped
    last = {"stop": 1, "resume": 2}
    for example in sorted(examples(PAGE.read_text()), key=lambda example: last.get(example.split()[0], 0)):
        arguments = [TOY_FOR.get(word, word) for word in shlex.split(example)]
        command = arguments[0]
        rotates = "--rotate" in arguments
        if command == "check" or rotates:  # times7 has its labels in order, on purpose, and little of train
            arguments = [SOUND if word == str(TOY) else word for word in arguments]
        if command == "talk" and "--hint" not in arguments:  # the agent of these runs is the search
            arguments += ["--agent", "claude"]
        if command == "serve":
            assert served(quiet, arguments) == 200
            continue
        if command == "bench" and gpus():
            continue  # minutes long
        if command in ENDS_AS:
            with waiting_run(busy) if command == "approve" else live_run(busy):
                done = sia(busy, *arguments)
            assert ENDS_AS[command] in sia(busy, "ls").output
        else:
            place = asking if command == "call" or "--calls" in arguments else apart if rotates else quiet
            place = tuned if "--adapter" in arguments else place
            done = sia(busy if command == "resume" else place, *arguments)
        if command == "bench":
            assert (done.status, "no usable GPU" in done.errors) == (1, True), done
            continue
        expected = 1 if command == "doctor" and not contained() else 0
        assert done.status == expected, f"sia {example}\n{done.output}{done.errors}"
        assert done.output, f"sia {example} prints nothing"
    assert "interrupted" not in sia(busy, "ls").output
