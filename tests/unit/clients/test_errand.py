"""One errand of a client: what it sees, what it leaves, and how it is stopped, in the real sandbox."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.clients import enclosure, errand, installed
from engine.clients.enclosure import Enclosure
from engine.clients.errand import Caps, Ended
from engine.clients.table import client_of
from engine.errors import SiaError
from engine.sandbox import Isolation, probe, process_tree

CAPS = Caps(minutes=1, tokens=1000)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Enclosure]:
    isolation = probe()
    if isolation.level == "none":
        pytest.skip("no sandbox can be built here")
    for name in ("desk", "line", "hidden"):
        (tmp_path / name).mkdir()
    (tmp_path / "hidden" / "labels").write_text("secret")
    yield Enclosure(isolation, tmp_path / "desk", tmp_path / "line", [tmp_path / "hidden"])


def send(place: Enclosure, code: str, caps: Caps = CAPS, prompt: str = "") -> Ended:
    client = client_of(f"command:python3 -c '{code}'")
    assert client is not None
    return asyncio.run(errand.run(client, installed.find(client), place, prompt, "", caps))


def test_it_has_the_prompt_and_the_folder_and_what_it_writes_stays(place: Enclosure) -> None:
    ended = send(place, 'import sys; open("made", "w").write(sys.stdin.read()); print("done")', prompt="é do it")
    assert (ended.failure, ended.reading.text) == (None, "done")
    assert (place.desk / "made").read_text() == "é do it"
    assert (place.desk / "made").stat().st_uid == os.getuid()
    assert ended.transcript.decode() == "done\n"


def test_it_sees_nothing_else_of_the_machine(place: Enclosure, tmp_path: Path) -> None:
    paths = [str(tmp_path / "hidden" / "labels"), str(Path(__file__)), "/etc/shadow", str(Path.home() / ".bashrc")]
    ended = send(place, f"import os; print([p for p in {paths} if os.path.exists(p)])".replace("'", '"'))
    assert ended.reading.text == "[]"


def test_it_cannot_write_outside_its_folder_but_for_places_that_vanish(place: Enclosure) -> None:
    code = (
        'for p in ("/etc/x", "/usr/x", "/x", "/tmp/x"):\n try: open(p, "w"); print("wrote", p)\n except OSError: pass'
    )
    assert send(place, code).transcript.decode() == "wrote /tmp/x\n"


def test_folders_that_are_private_stay_so_below_what_a_command_names(place: Enclosure, tmp_path: Path) -> None:
    client = client_of(f"command:python3 -c 'import os; print(os.listdir(\"{tmp_path}/hidden\"))' {tmp_path}")
    assert client is not None and str(tmp_path) in client.files
    ended = asyncio.run(errand.run(client, installed.find(client), place, "", "", CAPS))
    assert ended.reading.text == "[]"


def test_it_reaches_the_network(place: Enclosure) -> None:
    code = "import socket; print([name for _, name in socket.if_nameindex()])"
    assert send(place, code).reading.text == str([name for _, name in __import__("socket").if_nameindex()])


def test_it_is_stopped_after_its_minutes_with_all_its_processes(place: Enclosure) -> None:
    before = time.monotonic()
    code = 'import subprocess; print("begun", flush=True); subprocess.run(["sleep", "3600"])'
    ended = send(place, code, Caps(minutes=0.05, tokens=1000))
    assert ended.failure is not None and ended.failure.kind == "timeout" and "0.05 minutes" in ended.failure.message
    assert time.monotonic() - before < 20 and ended.reading.text == "begun"
    assert not list(process_tree.descendants(os.getpid()))


def test_it_is_stopped_at_its_tokens_and_its_money(place: Enclosure) -> None:
    told = 'import time; print("{\\"sia\\": {\\"tokens\\": 2000, \\"usd\\": 0.5}}", flush=True); time.sleep(3600)'
    ended = send(place, told)
    assert ended.failure is not None and ended.failure.kind == "resource" and "2,000 of 1,000" in ended.failure.message
    ended = send(place, told, Caps(minutes=1, tokens=9000, usd=0.25))
    assert ended.failure is not None and "$0.5000 of $0.2500" in ended.failure.message


def test_a_client_that_fails_says_why(place: Enclosure) -> None:
    ended = send(place, 'import sys; sys.exit("no such model")')
    assert ended.failure is not None and ended.failure.kind == "model"
    assert ended.failure.message == "the program python3 ended with status 1: no such model"
    assert b"[standard error]\nno such model" in ended.transcript


def test_what_it_prints_of_a_key_is_not_kept(place: Enclosure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "sk-canary-0815-4711")
    ended = send(place, 'import os; print("the key is", os.environ["SOME_API_KEY"])')
    assert b"the key is [SOME_API_KEY]" in ended.transcript and b"canary" not in ended.transcript


def test_other_variables_stay_outside(place: Enclosure, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_WORKSPACE", "/somewhere")
    assert (
        send(place, 'import os; print(os.environ.get("SIA_WORKSPACE"), os.environ["HOME"] != "")').reading.text
        == "None True"
    )


def test_one_that_is_interrupted_is_stopped_and_tells_what_it_had(place: Enclosure) -> None:
    client = client_of("command:python3 -c 'import time; print(\"begun\", flush=True); time.sleep(3600)'")
    assert client is not None

    async def interrupted() -> Ended:
        work = asyncio.ensure_future(errand.run(client, installed.find(client), place, "", "", CAPS))
        await asyncio.sleep(2)
        work.cancel()
        with pytest.raises(errand.Stopped) as stopped:
            await work
        return stopped.value.ended

    ended = asyncio.run(interrupted())
    assert ended.reading.text == "begun" and ended.failure is not None
    assert not list(process_tree.descendants(os.getpid()))


def test_a_line_without_end_is_read_in_parts(place: Enclosure) -> None:
    ended = send(place, 'import sys; sys.stdout.write("x" * (9 << 20))')
    assert ended.failure is None and len(ended.transcript) > 8 << 20


def test_without_a_sandbox_there_is_no_errand() -> None:
    client = client_of("command:python3")
    assert client is not None
    with pytest.raises(SiaError, match="works in a sandbox only"):
        enclosure.check(client, Isolation.unsafe())


def test_a_program_that_is_not_there_is_named_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    client = client_of("claude-code")
    assert client is not None
    with pytest.raises(SiaError, match="'claude', which is not on your PATH") as error:
        installed.find(client)
    assert "npm install -g @anthropic-ai/claude-code" in error.value.remedy


@pytest.mark.parametrize(("agent", "why"), [("command:", "names no program"), ("command:a 'b", "do not end")])
def test_a_command_without_words_is_refused(agent: str, why: str) -> None:
    with pytest.raises(SiaError, match=why):
        client_of(agent)


def test_a_version_that_was_never_tried_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "claude"
    client = client_of("claude-code")
    assert client is not None
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for version, said in (("2.1.197 (Claude Code)", ""), ("9.0.1", "version 9.0.1 was never tried"), ("", "was never")):
        program.write_text(f"#!/bin/sh\necho '{version}'\n")
        program.chmod(0o755)
        assert said in installed.find(client).never_tried(client) and bool(said) == bool(
            installed.find(client).never_tried(client)
        )


def test_a_program_is_visible_with_what_it_runs_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lib" / "node_modules" / "agent"
    (package / "bin").mkdir(parents=True)
    (package / "bin" / "agent.js").write_text(f"#!/usr/bin/env {Path(sys.executable).name}\n")
    (package / "bin" / "agent.js").chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "agent").symlink_to("../lib/node_modules/agent/bin/agent.js")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}")
    client = client_of("command:agent")
    assert client is not None
    needs = installed.find(client).needs
    assert {tmp_path / "bin" / "agent", tmp_path / "lib" / "node_modules", Path(sys.prefix)} <= {*needs}
    with contextlib.suppress(StopIteration):
        assert next(path for path in needs if path.resolve() == Path(sys.executable).resolve())


def test_settings_that_it_would_obey_elsewhere_are_read_only_and_the_rest_of_its_own_is_not(
    place: Enclosure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    (home / ".claude").mkdir(parents=True)
    (home / ".claude" / "settings.json").write_text("{}")
    monkeypatch.setenv("HOME", str(home))
    program = tmp_path / "claude-like"
    program.write_text("#!/bin/sh\ncd ~/.claude\necho x > session\necho hooks > settings.json\necho x > ~/kept\n")
    program.chmod(0o755)
    for agent in (f"command:{program}", f"acp:{program}"):
        client = client_of(agent)
        assert client is not None
        asyncio.run(errand.run(client, installed.find(client), place, "", "", CAPS))
        assert (home / ".claude" / "settings.json").read_text() == "{}"
        assert (home / ".claude" / "session").exists() and not (home / "kept").exists()
        (home / ".claude" / "session").unlink()
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "elsewhere"))
    claude = client_of("claude-code")
    assert claude is not None and tmp_path / "elsewhere" / "settings.json" in enclosure.obeyed(claude)


@pytest.mark.parametrize(
    ("written", "outside"),
    [
        (["x.py", "/run/sia/desk/harness/a.py", "/run/sia/desk/../desk/b"], []),
        (["/etc/x", "../y", "/run/sia/desk/../../z"], ["/etc/x", "/run/sia/y", "/run/z"]),
    ],
)
def test_what_it_tells_of_writing_elsewhere_is_noticed(
    place: Enclosure, tmp_path: Path, written: list[str], outside: list[str]
) -> None:
    line = {"type": "item.completed", "item": {"type": "file_change", "changes": [{"path": path} for path in written]}}
    program = tmp_path / "codex"
    program.write_text(f"#!/bin/sh\necho '{json.dumps(line)}'\n")
    program.chmod(0o755)
    client = client_of("codex")
    assert client is not None
    found = installed.Installed(program, "", (program,))
    assert asyncio.run(errand.run(client, found, place, "", "", CAPS)).outside == outside
