"""Claude as the tests play it: a function of the request alone, so that a resumed run is told the same.

It writes a first harness that breaks and repairs it, proposes edits good and bad, and answers the task's instances.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import domains.lawbench
from engine.events import types as t
from engine.events.reader import Reader
from harness_repo.harness import read_folder
from tests.fakes.anthropic_server import KEY, Plan, Use
from tests.fakes.serving import Asked
from tests.story import TOY, sia

P = TypeVar("P", bound=t.Payload)

MANIFEST = 'name = "asks"\nentry = "agent.py"\n'
ASKS = """
def solve(instance, ctx):
    reply = ctx.model.chat([{prompt!r} + f" x = {{instance.data}}"], max_tokens=16)
    ctx.log(reply["text"])
    return int(reply["text"])
"""
GUESS = "Guess a digit."
TIMES = "Give the last digit of seven times x."
BROKEN = "def solve(instance, ctx):\n    raise ValueError('not written yet')\n"
NO_PYTHON = "def solve(:"


LAWBENCH = Path(domains.lawbench.__file__).parent
SIZES = 'SIZES = {"train": (0, 60), "val": (100, 180), "test": (200, 240)}'


def small(folder: Path, train: int = 4, val: int = 12, test: int = 8, learnt: int = 20) -> str:
    """The toy times7 with so many instances of val, test and train (`learnt`), and so many of train executed."""
    shutil.copytree(TOY, folder)
    sizes = f'SIZES = {{"train": (0, {learnt}), "val": (100, {100 + val}), "test": (200, {200 + test})}}'
    for name, old, new in (
        ("domain.py", SIZES, sizes),
        ("domain.toml", "train_sample = 10", f"train_sample = {train}"),
    ):
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new))
    return str(folder)


def asks(prompt: str) -> str:
    """A harness that asks the task model with `prompt`."""
    return ASKS.format(prompt=prompt)


def play(asked: Asked) -> Plan:
    """The whole game on the toy times7."""
    body = asked.body
    if not body.get("tools"):
        return answer(body)
    names = {tool["name"] for tool in body["tools"]}
    return first_harness(body) if "write_harness" in names else next_harness(body)


def answer(body: Mapping[str, Any]) -> Plan:
    """The task model: it knows the rule where it is asked for it, and says 0 where it is to guess."""
    text = said(body["messages"][-1])
    x = int(re.search(r"x = (\d+)", text)[1])  # type: ignore[index]
    return Plan(blocks=[str(7 * x % 10) if TIMES in text else "0"])


def play_lawbench(asked: Asked) -> Plan:
    """The same game on LawBench; the task model answers with the first charge that it is given."""
    body = asked.body
    if not body.get("tools"):
        charges = said(body["messages"][0]).splitlines()[1]
        return Plan(blocks=[charges.split("、")[0] if len(charges) > 60 else charges])
    names, turn = {tool["name"] for tool in body["tools"]}, turns(body)
    if "write_harness" in names:
        if turn == 0:
            return Plan(blocks=[Use("read_train", {"first": 0, "count": 3})])
        files = {path: content.decode() for path, content in read_folder(LAWBENCH / "harness-lm").files.items()}
        files |= {"agent.py": BROKEN} if turn == 1 else {}
        return Plan(blocks=[Use("write_harness", {"reason": "ask with all charges", "files": files})])
    n = int(re.search(r"You change candidate (\d+)", said(body["messages"][0]))[1])  # type: ignore[index]
    if turn == 0:
        return Plan(blocks=[Use("count_confusions", {"candidate": n})])
    broken = {"agent.py": NO_PYTHON if turn == 1 else BROKEN}
    better: dict[str, Any] = {"candidates": 5} if n == 1 else {"letters": 1499}
    edit = {"files": broken} if turn < 3 else {"files": {}, "params": better}
    return Plan(blocks=[Use("update_harness", update("", f"g{n}") | edit)])


CANARY = "sk-ant-canary-0815-4711"


SAID = "all are multiples of seven, as g1 shows"
PROPOSED = "multiply by seven"


def play_talk(asked: Asked) -> Plan:
    """The whole game, also when the agent is asked about the run: it reads a table of train, and answers."""
    body = asked.body
    if "answer" not in {tool["name"] for tool in body.get("tools") or ()}:
        return play(asked)
    if turns(body) == 0:
        return Plan(blocks=["I look.", Use("read_file", {"path": "train/g1/SCORES.tsv"}), Use("list_files", {})])
    return Plan(blocks=[Use("answer", {"text": SAID, "hint": PROPOSED})])


def faulty(asked: Asked, game: Callable[[Asked], Plan] = play, *, every: int = 3, until: int = 66) -> Plan:
    """Now and then a request meets a fault, each kind in turn; a server that fails may show the key it was given."""
    shows = f"your key {CANARY} is fine, we are not"
    faults = [
        Plan(status=429, message=shows, headers={"retry-after": "0"}),
        Plan(status=529, message=shows, headers={"retry-after": "0"}),
        Plan(status=500, message=shows, headers={"retry-after": "0"}),
        game(asked)._replace(cut_at=300),
        game(asked)._replace(cut_at=350, end="early"),
        game(asked)._replace(error_after=529, message=shows),
        game(asked)._replace(pause_s=0.01),
    ]
    return faults[asked.n // every % len(faults)] if asked.n % every == 0 and asked.n < until else game(asked)


def faulty_lawbench(asked: Asked) -> Plan:
    """The game on LawBench with a fault in every fortieth request."""
    return faulty(asked, play_lawbench, every=40, until=1 << 20)


def first_harness(body: Mapping[str, Any]) -> Plan:
    """The Meta-Agent: looks at cases, writes a harness that breaks, then one that runs."""
    turn = turns(body)
    if turn == 0:
        return Plan(blocks=["I look at the cases.", Use("read_train", {"first": 0, "count": 3})])
    agent = BROKEN if turn == 1 else asks(GUESS)
    return Plan(blocks=[Use("write_harness", written(agent, "a first try" if turn == 1 else "repaired"))])


def next_harness(body: Mapping[str, Any]) -> Plan:
    """The Feedback-Agent: reads, then one edit that is no Python, one that breaks, and one that runs.

    After the first candidate it asks for the rule, which is better; later it adds a constant, which is no better.
    """
    turn = turns(body)
    n = int(re.search(r"You change candidate (\d+)", said(body["messages"][0]))[1])  # type: ignore[index]
    reading = [Use("list_candidates", {}), Use("list_trajectories", {"candidate": n, "only": "wrong"})]
    if turn == 0:
        return Plan(blocks=["Let me see.", *reading])
    later = [NO_PYTHON, BROKEN, asks(TIMES) if n == 1 else asks(TIMES) + "AS_BEFORE = True\n"]
    return Plan(blocks=[Use("update_harness", update(later[min(turn, len(later)) - 1], f"g{n}"))])


def written(agent: str, reason: str) -> dict[str, Any]:
    """The arguments of `write_harness`."""
    return {"reason": reason, "files": {"harness.toml": MANIFEST, "agent.py": agent}}


def update(agent: str, evidence: str) -> dict[str, Any]:
    """The arguments of `update_harness`."""
    return {
        "findings": "the prompt does not say what is wanted",
        "reason": "say what is wanted",
        "evidence": [evidence],
        "expected_gain": 0.5,
        "notebook": f"after {evidence}: the model knows the rule",
        "files": {"agent.py": agent},
    }


def turns(body: Mapping[str, Any]) -> int:
    """How often the model has spoken already."""
    return sum(message["role"] == "assistant" for message in body["messages"])


def said(message: Mapping[str, Any]) -> str:
    """The text of a message."""
    content: str | Sequence[Mapping[str, Any]] = message["content"]
    return content if isinstance(content, str) else "\n".join(str(block.get("text", "")) for block in content)


def environment(url: str, key: str = KEY) -> dict[str, str]:
    """The environment in which `sia` takes the server at `url` for Anthropic's."""
    return {**os.environ, "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": key}


def call(
    workspace: Path, url: str, *arguments: str, key: str = KEY, patience_s: float = 240
) -> subprocess.CompletedProcess[str]:
    """`sia` with `arguments` on that server."""
    words, env = sia(workspace, *arguments), environment(url, key)
    return subprocess.run(words, env=env, capture_output=True, text=True, timeout=patience_s, check=False)


def payloads(workspace: Path, kind: type[P]) -> list[P]:
    """The payloads of that kind in the history of the last run."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        history = reader.history(reader.find("last").run)
        return [payload for event in history if isinstance(payload := event.payload, kind)]


def contents(workspace: Path) -> list[bytes]:
    """All that the log holds: payloads, and contents unpacked."""
    with contextlib.closing(Reader.open(workspace / "events.db")) as reader:
        rows = reader.db.conn.execute("SELECT payload FROM events").fetchall()
        names = reader.db.conn.execute("SELECT sha256 FROM blobs").fetchall()
        return [*(payload for (payload,) in rows), *(reader.blob(name) for (name,) in names)]
