"""The commands that write, each on a workspace where it has something to do, with the commands that recover from it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from engine.core.replay import verify as replay
from engine.events import tips
from engine.events import types as t
from engine.events.reader import Reader
from engine.queries.audit import verify as audit
from engine.run.workspace import Workspace
from tests.crash.points.machine import Machine
from tests.playing import small
from tests.story import story

Command = tuple[str, ...]
ONE = ("--workers", "1")
QUICK = ("run", "note", "rename", "export", "import", "rebuild", "accept-loss")
"""Those of which a few trials are in the default tests."""
SCENES = (*QUICK, "resume", "test", "fork", "rm", "gc", "branch", "approve")


class Scene(NamedTuple):
    """A command, what is on the machine before it, how to recover from its death, and what is done after either."""

    before: str
    command: Command
    recover: Callable[[], list[Command]]
    after: tuple[Command, ...] = ()


class Told(NamedTuple):
    """What a workspace says, without clocks and the ids of runs."""

    runs: dict[str, Any]
    refs: dict[str, str]
    exported: list[str]

    def lacks(self, calm: Told) -> str:
        """What differs from a calm end, in a sentence; refs beyond those that should be do no harm."""
        for name in sorted(calm.runs.keys() | self.runs.keys()):
            if self.runs.get(name) != calm.runs.get(name):
                return f"{name}: {_first_difference(self.runs.get(name), calm.runs.get(name))}"
        if not calm.refs.items() <= self.refs.items():
            return f"refs: {self.refs}\n    instead of {calm.refs}"
        return "" if self.exported == calm.exported else f"exported: {self.exported}"


class Stage:
    """All scenes on one machine; what they begin with, and their calm ends, are made when they are asked for."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._workspace = Workspace(machine.workspace)
        self._saved: set[str] = set()
        self._calm: dict[str, tuple[list[str], Told]] = {}
        toy, exported = small(machine.toy, train=2, val=4, test=2), str(machine.place / "out" / "a.sia")
        run = ("run", toy, "--name", "a", "--generations", "1", "--seed", "5", "--probes", "2", *ONE)
        fork = ("fork", "a", "--at", "4", "--set", "seed=8", "--name", "c", *ONE)
        export = ("export", "a", "-o", exported)
        resume = ("resume", "a", "--generations", "2", *ONE)
        remove = ("rm", "c", "--yes")
        branch = ("branch", "a", "--generation", "1", "--set", "seed=3", "--generations", "2", "--name", "d", *ONE)
        self.scenes = {
            "run": Scene("nothing", run, self._gone_on("a", run)),
            "note": self._once("run", ("note", "a", "words"), t.RunNoted),
            "hint": self._once("run", ("hint", "a", "words"), t.RunHinted),
            "rename": Scene("run", ("rename", "a", "b"), self._unless(lambda: "b" in self._runs(), "rename", "a", "b")),
            "export": Scene("run", export, self._unless(Path(exported).exists, *export)),
            "import": self._again("exported", "import", exported),
            "rebuild": self._again("unbuilt", "rebuild"),
            "accept-loss": self._once("lost", ("verify", "--accept-loss", "a"), t.LossAccepted),
            "resume": Scene("run", resume, self._unless(self._went_on, *resume)),
            "test": self._once("run", ("test", "a", *ONE), t.TestUnsealed),
            "fork": Scene("run", fork, self._gone_on("c", fork)),
            "rm": Scene("fork", remove, self._unless(lambda: "c" not in self._runs(), *remove)),
            "gc": self._again("waste", "gc", "--yes"),
            "branch": Scene("run", branch, self._gone_on("d", branch)),
            "approve": self._once(
                "waits",
                ("approve", "a", "--edit", str(machine.toy / "harness"), "--reason", "better"),
                t.ApprovalGiven,
                after=(("resume", "a", *ONE),),
            ),
        }
        machine.save("nothing")
        self._saved.add("nothing")
        self._asking = (*run, "--approve", "harness", "--generations", "2")

    def calm(self, name: str) -> tuple[list[str], Told]:
        """The calls that the command of a scene makes, and what is told after it."""
        if name not in self._calm:
            scene = self.scenes[name]
            self.begin(name)
            calls = self._do(scene.command)
            if name in ("run", "fork", "export"):
                self.machine.save(f"after {name}")
            for command in scene.after:
                self._do(command)
            self._calm[name] = calls, self.told()
        return self._calm[name]

    def begin(self, name: str) -> None:
        """Puts on the machine what the scene begins with."""
        before = self.scenes[name].before
        if before not in self._saved:
            self._make(before)
            self.machine.save(before)
            self._saved.add(before)
        self.machine.restore(before)

    def told(self) -> Told:
        """What the workspace says; asserts that it is whole, and that its runs replay."""
        with contextlib.closing(self._workspace.reader()) as reader:
            assert (problems := audit(reader, self._workspace).problems) == [], problems
            said: dict[str, Any] = {}
            for row in reader.runs():
                assert (replayed := replay(reader, row.run)).identical, replayed
                said[row.name] = (row.status, story(self.machine.workspace, row.run), _beside(reader, row.run))
        exported = sorted(path.name for path in (self.machine.place / "out").glob("[!.]*"))
        return Told(said, self._workspace.repository().refs(), exported)

    def _make(self, before: str) -> None:
        machine, workspace = self.machine, self.machine.workspace
        source = {"exported": "export", "waste": "fork", "fork": "fork", "waits": "", "run": "run"}.get(before, "run")
        if source:
            self.calm(source)
            machine.restore(f"after {source}")
        match before:
            case "exported":
                shutil.rmtree(workspace)
            case "waste":
                self._do(("rm", "c", "--yes"))
                (workspace / ".new-left").mkdir()
                (workspace / ".new-left" / "file").write_bytes(b"left")
                (workspace / "locks" / "gone").touch()
            case "unbuilt":
                shutil.rmtree(workspace / "harness_repo")
            case "waits":
                machine.restore("nothing")
                machine.sia(*self._asking, until=lambda: self._has(t.ApprovalAsked))
            case "lost":
                with contextlib.closing(self._workspace.reader()) as reader:
                    row = reader.find("a")
                tips.write(workspace / "tips", row.run, tips.Tip(row.head_n + 3, "0" * 64))

    def _do(self, command: Command) -> list[str]:
        done = self.machine.sia(*command)
        assert done.code == 0, f"{command}: {done.output}"
        return done.calls

    def _runs(self) -> dict[str, str]:
        """The status of each run by its name."""
        if not self._workspace.log.exists():
            return {}
        with contextlib.closing(self._workspace.reader()) as reader:
            return {row.name: row.status for row in reader.runs()}

    def _has(self, payload: type[Any]) -> bool:
        if not self._workspace.log.exists():
            return False
        with contextlib.closing(self._workspace.reader()) as reader:
            return any(True for _ in reader.of_type(payload.type))

    def _went_on(self) -> bool:
        """Whether the finished run was resumed, and has finished again."""
        return self._runs().get("a") == "finished" and self._has(t.RunResumed)

    def _again(self, before: str, *command: str) -> Scene:
        """The same command recovers, whatever was done."""
        return Scene(before, command, lambda: [command])

    def _once(self, before: str, command: Command, done: type[Any], after: tuple[Command, ...] = ()) -> Scene:
        """The same command recovers, and `rebuild` where its event is in the log already."""
        return Scene(before, command, self._unless(lambda: self._has(done), *command), after)

    def _unless(self, done: Callable[[], bool], *command: str) -> Callable[[], list[Command]]:
        return lambda: [("rebuild",)] if done() else [command]

    def _gone_on(self, name: str, command: Command) -> Callable[[], list[Command]]:
        """`resume` where the run is in the log and has not ended; the same command where it is not."""
        steps: dict[str, list[Command]] = {"": [command], "finished": []}
        return lambda: steps.get(self._runs().get(name, ""), [("resume", name, *ONE)])


def _first_difference(mine: Any, calm: Any) -> str:
    if isinstance(mine, list | tuple) and isinstance(calm, list | tuple):
        for one, other in zip(mine, calm, strict=False):
            if one != other:
                return _first_difference(one, other)
    return f"{mine}\n    instead of {calm}"


def _beside(reader: Reader, run: str) -> list[Any]:
    """What the story leaves out."""
    found: list[Any] = []
    for event in reader.history(run):
        match payload := event.payload:
            case t.RunNoted() | t.RunHinted() | t.RunRenamed() | t.ApprovalGiven():
                found.append(payload)
            case t.TestUnsealed():
                found.append(("test", payload.score, payload.baselines, payload.subsets))
    return found
