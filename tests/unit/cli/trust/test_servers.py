"""No prompt goes to a server, and no file of a model is opened, that only a log names, before its user trusts it."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine import trust
from engine.errors import SiaError
from engine.events.log import RunLog
from engine.grading.loader import find
from engine.loop.launch import reopen
from engine.models.catalog import parse
from engine.run.domain_session import describe
from engine.run.named_paths import models_of, places_of
from engine.run.workspace import Workspace
from engine.transfer.rebuild import rebuild
from engine.transfer.run_import import import_run
from tests.histories import Play, settings, started
from tests.unit.cli.trust.strangers import EXECUTING, sia
from tests.unit.transfer.carried import seal_to

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


@pytest.mark.parametrize(("backend", "line"), [*(("openai", line) for line in EXECUTING), ("vllm", "resume last")])
def test_a_server_that_a_log_names_is_sent_nothing_before_its_user_has_named_it(
    tmp_path: Path, backend: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On this machine, too: whatever listens there would get requests of a stranger's choice."""
    home = _asks_at(tmp_path, f"{backend}:x@{THEIRS}").path.parent
    (home / "in.jsonl").write_text("1\n")
    done = sia(home, line, monkeypatch, "--headless")
    assert isinstance(done.exception, trust.Untrusted), (done.output, done.exception)
    assert done.exception.places == [THEIRS]
    assert f"this would send prompts, and a key if there is one for it, to {THEIRS}, which" in str(done.exception)
    assert f"`sia trust {THEIRS}`" in str(done.exception)


def test_an_address_is_trusted_once_listed_and_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = _asks_at(tmp_path, f"openai:x@{THEIRS}").path.parent
    assert sia(home, f"trust {THEIRS}/", monkeypatch).output == f"{THEIRS}/ is trusted.\n"
    assert THEIRS in sia(home, "trust --list", monkeypatch).output.split()
    done = sia(home, "resume last --generations 99", monkeypatch, "--headless")
    assert isinstance(done.exception, SiaError) and not isinstance(done.exception, trust.Untrusted)
    assert f"no server answers at {THEIRS}" in str(done.exception)  # it is asked now
    assert sia(home, f"trust --forget {THEIRS}", monkeypatch).exit_code == 0
    done = sia(home, "resume last --generations 99", monkeypatch, "--headless")
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
    done = sia(home, "resume last --generations 99", monkeypatch, "--headless")
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
