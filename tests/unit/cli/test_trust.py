"""Nothing from elsewhere is used or executed before its user has trusted it: a workspace, or a path in a log."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from domains import atomic
from engine import trust, user_state
from engine.errors import SiaError
from engine.events.log import RunLog
from engine.events.types import DomainRef
from engine.grading.loader import find
from engine.loop.launch import reopen
from engine.models.catalog import parse
from engine.run.domain_session import check_code, describe
from engine.run.named_paths import models_of, places_of
from engine.run.workspace import Workspace
from engine.transfer.rebuild import rebuild
from engine.transfer.run_import import import_run
from sia_tui.cli import consent
from sia_tui.cli.options import Shared
from sia_tui.main import cli
from tests.histories import Play, settings, started
from tests.unit.transfer.carried import seal_to

TOY = Path(__file__).parents[2] / "toys" / "times7"
READING = (
    *("ls", "show last", "log last", "tree", "cost last", "replay last --verify", "verify", "diff last 1 2"),
    *("trajectory last val-0", "config show last", "note last seen", "rename last better", "export last -o x.sia"),
    *("rebuild", "gc", "branch last --generation 1 --no-start", "rm last --yes"),
)
EXECUTING = (
    *("resume last", "resume last --generations 99 --plain", "test last", "apply last in.jsonl"),
    *("branch last --generation 1", "fork last --at 20", "checkout last -o out --with-data"),
)


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What this user trusts: nothing yet, whatever was recorded on this machine where no home could be written."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(user_state, "folders", lambda _: iter([tmp_path / "state" / "sia" / "trusted"]))
    return tmp_path / "state"


@pytest.fixture
def task(tmp_path: Path) -> Path:
    """A stranger's task, whose `domain.py` leaves a mark where it is executed."""
    folder = tmp_path / "downloaded" / "task"
    shutil.copytree(TOY, folder, ignore=shutil.ignore_patterns("__pycache__"))
    future, code = "from __future__ import annotations\n", (folder / "domain.py").read_text()
    mark = f"open({str(tmp_path / 'executed')!r}, 'w')\n"
    (folder / "domain.py").write_text(code.replace(future, future + mark, 1))
    return folder


def _ref(folder: Path, source: str = "") -> DomainRef:
    found = find(str(folder))
    ref = started().domain
    return replace(ref, name=found.spec.name, source=source or str(folder), code=found.code_digest())


def _make(workspace: Path, ref: DomainRef) -> Workspace:
    place = Workspace(workspace)
    place.create()
    with contextlib.closing(RunLog.hold(place.path, "r1")) as log:
        Play(log, replace(started(settings(agent="search")), domain=ref)).to_rest()  # type: ignore[arg-type]
    rebuild(place)
    return place


@pytest.fixture
def downloaded(task: Path, tmp_path: Path, state: Path) -> Workspace:
    """The workspace of somebody else: made here, but nothing of it is remembered."""
    place = _make(tmp_path / "downloaded" / ".sia", _ref(task))
    shutil.rmtree(state)
    return place


def _sia(folder: Path, line: str, monkeypatch: pytest.MonkeyPatch, *more: str) -> Any:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(cli, [*line.split(), *more])


def test_looking_needs_no_trust_and_executes_nothing(
    downloaded: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for line in READING:
        done = _sia(downloaded.path.parent, line, monkeypatch)
        assert done.exit_code == 0, (line, done.output, done.exception)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("line", EXECUTING)
def test_what_executes_refuses_a_strangers_workspace_and_domain(
    downloaded: Workspace, task: Path, line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (downloaded.path.parent / "in.jsonl").write_text("1\n")
    done = _sia(downloaded.path.parent, line, monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert done.exception.places == [downloaded.path, task]
    assert f"`sia trust {downloaded.path} {task}`" in str(done.exception)
    assert not (tmp_path / "executed").exists()


def test_a_new_run_does_not_use_a_strangers_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".sia").mkdir()
    (tmp_path / ".sia" / "sia.toml").write_text("agent = 'claude'\n")
    done = _sia(tmp_path, "run toy --generations 1", monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted)
    assert done.exception.places == [tmp_path / ".sia"]


def test_the_engine_refuses_by_itself(downloaded: Workspace, task: Path, tmp_path: Path) -> None:
    """Also where a command forgets to ask."""
    trust.remember(downloaded.path)
    with pytest.raises(trust.Untrusted, match="trust"):
        check_code(_ref(task))
    with pytest.raises(trust.Untrusted):
        check_code(replace(_ref(TOY), source="toy", data=str(task)))
    trust.remember(task)
    assert check_code(_ref(task)).path == task


def test_the_files_of_a_model_that_a_log_names_are_asked_for(tmp_path: Path, state: Path) -> None:
    (tmp_path / "theirs.gguf").write_bytes(b"")
    chosen = settings(agent="search", model=f"gguf:{tmp_path / 'theirs.gguf'}", agent_model="openai:x@http://y")
    place = Workspace(tmp_path / ".sia")
    place.create()
    with contextlib.closing(RunLog.hold(place.path, "r1")) as log:
        Play(log, replace(started(chosen), domain=replace(started().domain, source="toy"))).to_rest()  # type: ignore[arg-type]
    with contextlib.closing(place.reader()) as reader:
        named = places_of(reader, reader.find("last"))
    assert trust.untrusted(place.path, named) == [tmp_path / "theirs.gguf", "http://y"]
    with pytest.raises(SiaError, match="names no model"):
        parse("vllm:--config=theirs.yaml")


THEIRS = "http://127.0.0.1:9/v1"


def _asks_at(tmp_path: Path, reference: str) -> Workspace:
    """This user's workspace with an imported run whose task model is `reference`."""
    theirs = Workspace(tmp_path / "theirs" / ".sia")
    theirs.create()
    digest, counts, _ = asyncio.run(describe(find("toy"), None, lambda _: None))
    ref = replace(started().domain, source="toy", digest=digest, counts=counts)
    with contextlib.closing(RunLog.hold(theirs.path, "r1")) as log:
        Play(log, replace(started(settings(agent="search", model=reference)), domain=ref)).to_rest()  # type: ignore[arg-type]
    rebuild(theirs)
    mine = Workspace(tmp_path / "mine" / ".sia")
    import_run(mine, seal_to(theirs, tmp_path / "run.sia"))
    return mine


@pytest.mark.parametrize(("backend", "line"), [*(("openai", line) for line in EXECUTING), ("vllm", "resume last")])
def test_a_server_that_a_log_names_is_sent_nothing_before_its_user_has_named_it(
    tmp_path: Path, backend: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On this machine, too: whatever listens there would get requests of a stranger's choice."""
    home = _asks_at(tmp_path, f"{backend}:x@{THEIRS}").path.parent
    (home / "in.jsonl").write_text("1\n")
    done = _sia(home, line, monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert done.exception.places == [THEIRS]
    assert f"this would send prompts, and a key if there is one for it, to {THEIRS}, which" in str(done.exception)
    assert f"`sia trust {THEIRS}`" in str(done.exception)


def test_an_address_is_trusted_once_listed_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _asks_at(tmp_path, f"openai:x@{THEIRS}").path.parent
    assert _sia(home, f"trust {THEIRS}/", monkeypatch).output == f"{THEIRS}/ is trusted.\n"
    assert THEIRS in _sia(home, "trust --list", monkeypatch).output.split()
    done = _sia(home, "resume last --generations 99", monkeypatch, "--headless")
    assert isinstance(done.exception, SiaError) and not isinstance(done.exception, trust.Untrusted)
    assert f"no server answers at {THEIRS}" in str(done.exception)  # it is asked now
    assert _sia(home, f"trust --forget {THEIRS}", monkeypatch).exit_code == 0
    done = _sia(home, "resume last --generations 99", monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted)


@pytest.mark.parametrize(
    ("reference", "variables"),
    [
        (f"openai:x@{THEIRS}", {"SIA_SERVERS__MINE__URL": f"{THEIRS}/"}),
        ("openai:x@mine", {"SIA_SERVERS__MINE__URL": THEIRS}),
        (f"openai:x@{THEIRS}", {"OPENAI_BASE_URL": THEIRS}),
        ("openai:x", {}),
        ("anthropic:claude-haiku-4-5", {}),
    ],
)
def test_an_address_of_the_users_own_settings_is_not_asked_for(
    reference: str, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert models_of(settings(model=f"openai:x@{THEIRS}")) == [THEIRS]
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert models_of(settings(model=reference)) == []


def test_a_workspace_cannot_name_an_address_for_its_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _asks_at(tmp_path, f"openai:x@{THEIRS}").path.parent
    (home / ".sia" / "sia.toml").write_text(f"[servers.theirs]\nurl = '{THEIRS}'\n")
    done = _sia(home, "resume last --generations 99", monkeypatch, "--headless")
    assert isinstance(done.exception, SiaError), done.output
    assert THEIRS in str(done.exception) or "[servers]" in str(done.exception)
    assert trust.untrusted(None, [THEIRS]) == [THEIRS]


def test_the_engine_sends_nothing_by_itself(tmp_path: Path) -> None:
    """Also where a command forgets to ask."""
    mine = _asks_at(tmp_path, f"openai:x@{THEIRS}")

    async def go() -> None:
        async with reopen(mine, "last", workers=1, report=lambda _: None, resume=False):
            raise AssertionError("it went on")

    with pytest.raises(trust.Untrusted, match="send prompts"):
        asyncio.run(go())


def test_an_imported_run_does_not_lead_to_a_relative_path(
    task: Path, tmp_path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forged file says `source = "task"`, which lies in the folder that came with it."""
    file = seal_to(_make(tmp_path / "forger" / ".sia", _ref(task, "task")), tmp_path / "downloaded" / "run.sia")
    shutil.rmtree(state)
    monkeypatch.chdir(tmp_path / "downloaded")
    mine = Workspace(tmp_path / "mine")
    import_run(mine, file)
    here, where = tmp_path / "downloaded", f"--headless --workspace {mine.path}"
    done = _sia(here, f"resume last --generations 99 {where}", monkeypatch)
    assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert done.exception.places == [task]
    for line in ("branch r1 --generation 1 --from run.sia", "fork r1 --at 20 --from run.sia"):
        done = _sia(here, f"{line} {where}", monkeypatch)
        assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(("answer", "trusted"), [("y\n", True), ("n\n", False), ("", False)])
def test_in_a_terminal_it_asks_once(
    downloaded: Workspace, task: Path, answer: str, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = Shared(downloaded, as_json=False, headless=False)

    @click.command()
    def command() -> None:
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
        consent.ask_for_run(shared, "last")

    done = CliRunner().invoke(command, input=answer)
    assert (done.exit_code == 0) is trusted, done.output
    assert ("Do you trust it?" in done.output) and str(task) in done.output
    assert trust.untrusted(downloaded.path, [task]) == ([] if trusted else [downloaded.path, task])
    if trusted:
        consent.ask_for_run(shared, "last")  # asks nothing


def test_what_is_made_here_is_trusted_until_something_else_takes_its_place(tmp_path: Path, state: Path) -> None:
    ref = started().domain
    mine = _make(tmp_path / "mine" / ".sia", ref)
    assert trust.untrusted(mine.path) == []
    shutil.copytree(mine.path, tmp_path / "moved" / ".sia")
    assert trust.untrusted(tmp_path / "moved" / ".sia") == [tmp_path / "moved" / ".sia"]
    other = _make(tmp_path / "other" / ".sia", ref)
    shutil.rmtree(mine.path)
    shutil.copytree(other.path, mine.path)
    assert trust.untrusted(mine.path) == [mine.path]
    (mine.path / "identity").unlink()
    assert trust.untrusted(mine.path) == [mine.path]


@pytest.mark.parametrize("whose", ["another user's", "everybody's"])
def test_an_empty_workspace_that_others_may_fill_is_asked_for(tmp_path: Path, whose: str) -> None:
    place = tmp_path / ".sia"
    place.mkdir()
    assert trust.untrusted(place) == []
    if whose == "everybody's":
        place.chmod(0o777)
    elif os.geteuid() == 0:
        os.chown(place, 12345, -1)
    else:
        pytest.skip("only root can give a folder away")
    trust.begin(place)
    assert trust.untrusted(place) == [place]


def test_two_processes_that_begin_a_workspace_at_once_both_trust_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, write = tmp_path / "mine" / ".sia", atomic.write
    recording, may_record = threading.Event(), threading.Event()
    place.mkdir(parents=True)

    def record_late(target: Path, content: bytes) -> None:
        recording.set()
        assert may_record.wait(30)
        write(target, content)

    monkeypatch.setattr(atomic, "write", record_late)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(trust.begin, place)
        assert recording.wait(30)
        second = pool.submit(trust.check, place)
        with contextlib.suppress(TimeoutError):
            second.result(0.3)
        may_record.set()
        first.result()
        second.result()
    assert trust.untrusted(place) == []


@pytest.mark.parametrize("step", ["write", "create"])
def test_a_workspace_whose_beginning_was_killed_is_begun_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    place = tmp_path / "mine" / ".sia"
    place.mkdir(parents=True)

    def kill(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(atomic, step, kill)
        trust.begin(place)
    trust.begin(place)
    (place / "events.db").touch()
    assert trust.untrusted(place) == []


def test_a_workspace_of_an_earlier_version_is_asked_for_once(downloaded: Workspace) -> None:
    (downloaded.path / "identity").unlink()
    assert trust.untrusted(downloaded.path) == [downloaded.path]
    trust.remember(downloaded.path)
    assert trust.untrusted(downloaded.path) == []
    assert (downloaded.path / "identity").read_text()


def test_a_named_task_is_trusted_from_then_on(task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _sia(tmp_path, f"run {task} --generations 1 --headless", monkeypatch)
    assert done.exit_code == 0, (done.output, done.exception)
    assert trust.untrusted(tmp_path / ".sia", [task]) == []


def test_an_owner_who_changed_is_not_trusted(task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trust.remember(task)
    assert trust.untrusted(None, [task]) == []
    monkeypatch.setattr(trust, "_mark", lambda path: "owner 12345")
    assert trust.untrusted(None, [task]) == [task]


def test_the_command_lists_and_forgets(downloaded: Workspace, task: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = downloaded.path.parent
    assert _sia(home, "trust", monkeypatch).output == "Nothing is trusted yet.\n"
    assert _sia(home, "trust . task", monkeypatch).output == ". and task is trusted.\n"
    assert _sia(home, "trust --list", monkeypatch).output.split() == sorted(
        [str(home), str(downloaded.path), str(task)]
    )
    assert trust.untrusted(downloaded.path, [task]) == []
    assert _sia(home, "trust --forget .", monkeypatch).exit_code == 0
    assert trust.untrusted(downloaded.path, [task]) == [downloaded.path]
    assert isinstance(_sia(home, "trust --forget .", monkeypatch).exception, SiaError)
    assert isinstance(_sia(home, "trust nothing-here", monkeypatch).exception, SiaError)


def test_a_home_that_cannot_be_written_is_no_obstacle(
    task: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    places = [tmp_path / "nowhere" / "trusted", tmp_path / "var" / "sia-0" / "trusted"]
    (tmp_path / "nowhere").write_text("a file")
    (tmp_path / "var").mkdir()
    monkeypatch.setattr(user_state, "folders", lambda _: iter(places))
    trust.remember(task)
    assert trust.untrusted(None, [task]) == []
    assert places[1].stat().st_mode & 0o777 == 0o700
    places[1].parent.chmod(0o777)  # somebody else may have put the records there
    assert trust.untrusted(None, [task]) == [task]
    with pytest.raises(SiaError, match="cannot be recorded"):
        trust.remember(task)
    _make(tmp_path / "mine" / ".sia", started().domain)  # goes on, and is asked for later


def test_records_of_another_user_do_not_count(task: Path, monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    trust.remember(task)
    if os.geteuid() != 0:
        pytest.skip("only root gives files away")
    os.chown(state / "sia" / "trusted", 65534, 65534)
    assert trust.untrusted(None, [task]) == [task]
