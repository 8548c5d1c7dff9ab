"""What an agent's Python must not see or do: it has the files of its desk, and they hold nothing of val or test."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest
from msgspec.structs import replace

from domains.contract import Limits
from engine.agents.language import desk
from engine.agents.protocol import ToolResult
from engine.loop import launch
from engine.loop.control_socket import Control
from engine.loop.driver import drive
from engine.run.live_run import Run
from engine.run.workspace import Workspace
from engine.sandbox import Isolation
from engine.steps.agent_view import LiveRunRecord
from engine.steps.improvement import make_view
from engine.steps.workbench import desk_folder
from engine.steps.workbench.desk_folder import FIRST_CHARS, LAST_CHARS, DeskFolder
from tests.playing import small

pytestmark = pytest.mark.slow
T = TypeVar("T")
CANARY = "a-key-in-the-environment"
LOOK = """
import os, pathlib
found = {{}}
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if not os.path.join(folder, name).startswith(("/proc", "/sys", "/usr"))]
    for name in names:
        path = pathlib.Path(folder, name)
        if name in ("domain.py", "domain.toml", "events.db", "task.md") or "harness_repo" in path.parts:
            print("seen", path)
for place in {places!r}:
    try:
        print("seen", place, os.listdir(place) if os.path.isdir(place) else open(place, "rb").read()[:100])
    except OSError as error:
        print("refused", type(error).__name__)
for pid in filter(str.isdigit, os.listdir("/proc")):
    for name in ("environ", "cmdline", "maps"):
        try:
            text = open(f"/proc/{{pid}}/{{name}}", "rb").read().decode("utf-8", "replace")
        except OSError:
            continue
        if {secret!r} in text or {workspace!r} in text:
            print("seen", pid, name)
print("looked")
"""
CHANGE = """
import os, socket
for attempt in (
    lambda: open("train/cases.jsonl", "a"), lambda: open("new.txt", "w"), lambda: os.remove("TASK.md"),
    lambda: os.chmod("TASK.md", 0o666), lambda: socket.create_connection(("127.0.0.1", {port}), 2),
):
    try:
        attempt()
        print("done")
    except OSError as error:
        print("refused")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a run of one generation on times7, `done`."""
    folder = tmp_path_factory.mktemp("desk")

    async def go(run: Run) -> None:
        await drive(run, Control())

    _in_run(folder, go, domain=small(folder / "times7"))
    return folder


def _in_run(folder: Path, work: Callable[[Run], Awaitable[T]], domain: str = "") -> T:
    workspace = Workspace(folder / "w")

    async def go() -> T:
        if domain:
            options = launch.Options(domain=domain, generations=1, name="done")
            started = launch.start(workspace, await launch.plan(options, lambda _: None))
        else:
            started = launch.reopen(workspace, "done", workers=1, report=lambda _: None, resume=False)
        async with started as run:
            return await work(run)

    return asyncio.run(go())


def on_desk(folder: Path, *codes: str) -> tuple[dict[str, bytes], list[ToolResult]]:
    """The desk after generation 1, and what the codes print there."""

    async def work(run: Run) -> tuple[dict[str, bytes], list[ToolResult]]:
        tree = desk.tree(LiveRunRecord(run, await run.domain.train()), make_view(run, 1))
        bench = DeskFolder(run.ports)
        found = [await bench.run(tree, code) for code in codes]
        bench.close()
        contents = {path: make() for path, make in tree.items()}
        return contents, found

    return _in_run(folder, work)


def test_no_file_holds_a_case_of_val_or_test_or_its_label(place: Path) -> None:
    tree, _ = on_desk(place)
    texts = {path: content.decode() for path, content in tree.items()}
    assert len([path for path in texts if path.startswith("train/g1/train-")]) == 4
    for path, text in texts.items():
        assert not re.search(r"\b(val|test)-\d", path + text), path
        assert not re.search(r'"data":\s*(1[0-9][0-9]|2[0-9][0-9])\b|case \S+: [12][0-9][0-9]\b', text), path


def test_python_sees_the_files_of_the_desk_and_nothing_else(
    place: Path, isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    places = [str(place / "times7" / "domain.py"), str(place / "w"), str(place / "w" / "events.db"), str(place)]
    code = LOOK.format(places=places, secret=CANARY, workspace=str(place / "w"))
    _, (looked, read) = on_desk(place, code, "import os\nsorted(os.listdir()), open('train/cases.jsonl').read()[:9]")
    assert not looked.failed and looked.text.splitlines()[-1] == "looked", looked
    assert looked.text.splitlines()[:-1] == ["refused FileNotFoundError"] * len(places), looked
    assert read.text.startswith("(['CANDIDATES.md', 'TASK.md', 'candidates', ") and '{"id":"tr' in read.text


def test_python_changes_nothing_and_reaches_no_network(place: Path, isolation: Isolation) -> None:
    async def listening() -> int:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    port = asyncio.run(listening())
    _, (tried, after) = on_desk(place, CHANGE.format(port=port), "open('TASK.md').read()[:4]")
    assert tried.text.split() == ["refused"] * 5
    assert not after.failed


def test_what_python_prints_takes_and_leaves_is_bounded(
    place: Path, isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    tight = replace(desk_folder.LIMITS, cpu_s=1, wall_s=10, memory_mb=256)
    assert isinstance(tight, Limits)
    monkeypatch.setattr(desk_folder, "LIMITS", tight)
    codes = (
        "print('begin'); print('x' * 50_000); print('end')",
        "while True: pass",
        "x = [bytes(1 << 20) for _ in range(4096)]",
        "1 / 0",
        "import os\nopen(os.environ['HOME'] + '/kept', 'w').write('a')",
        "import os\nos.listdir(os.environ['HOME'])",
        "x = ",
    )
    _, (long, endless, large, wrong, written, left, unparsed) = on_desk(place, *codes)
    assert len(long.text) < FIRST_CHARS + LAST_CHARS + 100
    assert long.text.startswith("begin") and long.text.rstrip().endswith("end") and "left out" in long.text
    assert endless.failed and large.failed and wrong.failed and unparsed.failed
    assert "ZeroDivisionError" in wrong.text and "SyntaxError" in unparsed.text
    assert (written.text.strip(), left.text.strip()) == ("1", "[]"), "each call starts anew"


def test_the_folder_is_gone_after_the_step(place: Path, isolation: Isolation) -> None:
    _, (shown,) = on_desk(place, "1")
    assert shown.text.strip() == "1"
    assert not list(Path(tempfile.gettempdir()).glob(f"sia-desk-{os.getpid()}-*"))
