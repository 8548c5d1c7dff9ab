"""The engine's side of the grading process: starts it on demand, limits its time, restarts it when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from domains.contract import Grade, Instance, Picture, Question, Report, Split, Summary
from engine import pipes, plain
from engine.errors import SiaError
from engine.grading import quoting
from engine.grading.labels.facts import Facts
from engine.grading.labels.near_duplicates import NearDuplicates
from engine.grading.live_work import Tell
from engine.grading.loader import Folder, check_module
from engine.grading.reserve import Part
from engine.grading.toolbox import KEPT, ToolFacts
from engine.sandbox import Isolation
from engine.sandbox.inside.command import exit_text

T = TypeVar("T")
LOAD_WALL_S = 600.0
_TIMED = ("grade", "reference", "questions")
"""Operations on a split whose time is limited by the domain: loading the split does not count in it."""
END_S = 1.0
STACK_LINES = 200
BASELINES_WALL_S = 3600.0
_INHERITED = (
    *("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "SIA_CACHE", "PYTHONPATH", "VIRTUAL_ENV"),
    "CUDA_VISIBLE_DEVICES",
)
# sums in the same order on every machine; on a shared machine BLAS threads mostly wait for each other
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class GraderFailed(Exception):
    """The domain's code raised, hung or died: a failure of the kind `verifier`."""


class Grader:
    """A domain in its process. Calls run one at a time, in order.

    The domain executes answers under `isolation`; without one it probes what this machine offers. `report` is told why
    a timing waits. With a `reserve` of that many instances, no call but `labelled` gives these out as `train`. Only a
    check of the domain changes `hash_seed`, Python's order of sets.
    """

    def __init__(
        self,
        folder: Folder,
        data: Path | None = None,
        isolation: Isolation | None = None,
        *,
        report: Report = lambda _: None,
        reserve: int = 0,
        hash_seed: int = 0,
    ) -> None:
        self.folder, self.data, self.reserve, self._hash_seed = folder, data, reserve, hash_seed
        self._report = report
        self._isolation = isolation
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._stderr: deque[str] = deque(maxlen=STACK_LINES)
        self._loaded: set[Part] = set()
        self._learnt: list[str] = []  # as the process keeps them, the oldest first
        self.known_tools: Sequence[ToolFacts] | None = None
        self.tell: Tell = lambda *_: None
        """Told how far the work is that a call waits for."""

    async def describe(self, share: float = 0.0, *, rotate: bool = False) -> tuple[str, dict[str, int], str]:
        """The digest of data and splits, the instances per split, and the title; raises `SiaError` without data.

        A reserve with that `share` of `train` is counted apart; to `rotate`, the fresh vals that it has, too.
        """
        check_module(self.folder)
        reply = await self._call("describe", share, rotate, timeout=LOAD_WALL_S)
        return str(reply["digest"]), dict(reply["counts"]), str(reply["title"] or self.folder.spec.title)

    async def instances(self, split: Part, number: int = 1) -> list[Instance]:
        """The instances of a split, or of the reserve, with labels for `train` only.

        A `val` of a `number` above 1 is a fresh one (`engine.core.rotation`).
        """
        return await self._call_as(list[Instance], "instances", split, number)

    async def labelled(self) -> list[Instance]:
        """All of `train`, the reserve included, and `val` with labels."""
        return await self._call_as(list[Instance], "labelled")

    async def grade(self, split: Part, instance: str, answer: Any, replies: Sequence[str] | None = None) -> Grade:
        """Grades an answer; `replies` are the judge's to its `questions`, if the domain has a judge.

        A grader that raises, hangs or dies is tried once more; then this raises `GraderFailed`.
        """
        return await self._grade("grade", split, instance, answer, replies)

    async def questions(self, split: Part, instance: str, answer: Any) -> list[Question]:
        """The domain's questions to the judge about this answer."""
        reply = await self._call_plain("questions", split, instance, answer, timeout=self.folder.spec.grade_wall_s)
        return _as(list[Question], reply, "questions")

    async def baseline_answers(self, on: Split) -> dict[str, list[Any]]:
        """The answers of every baseline on each instance of `on`, ungraded."""
        return dict(await self._call_plain("baseline_answers", on, timeout=BASELINES_WALL_S))

    async def reference(self, split: Split, instance: str) -> Grade:
        """Grades the reference answer; raises as `grade` does."""
        return await self._grade("reference", split, instance)

    async def _grade(self, operation: str, *arguments: Any) -> Grade:
        for last in (False, True):
            try:
                reply = await self._call(operation, *arguments, timeout=self.folder.spec.grade_wall_s)
                grade = msgspec.convert(reply, Grade)
            except (GraderFailed, msgspec.ValidationError) as error:
                if last:
                    raise GraderFailed(str(error)) from None
                continue
            if (wrong := _no_score(grade)) is not None:
                raise GraderFailed(f"the grader returned {wrong:g}; a score lies between ±{plain.MOST_SCORE:g}")
            return grade
        raise AssertionError

    async def tools(self) -> Sequence[ToolFacts]:
        """The domain's tools, if its spec says that it has some; from then on they are `known_tools`."""
        if self.known_tools is None:
            asked = self.folder.spec.tools
            self.known_tools = await self._call_as(list[ToolFacts], "tools") if asked else ()
        return self.known_tools

    async def use_tool(
        self, material: tuple[str, Sequence[Instance]], tool: str, arguments: Mapping[str, Any], data: Any
    ) -> dict[str, Any]:
        """What a tool that was made from `material`, which has a name, returns: its `result`, or why it `refused`.

        `data` is that of the instance that is answered. Raises `GraderFailed`.
        """
        name, train = material
        async with self._turn:
            process = self._process or await self._start()
            if name not in self._learnt:
                await self._exchange(process, "learn", (name, list(train)), LOAD_WALL_S)
                self._learnt = [*self._learnt, name][-KEPT:]
            wall_s = self.folder.spec.grade_wall_s
            reply: dict[str, Any] = await self._exchange(process, "use_tool", (name, tool, arguments, data), wall_s)
            return reply

    async def summarise(self, split: Split, graded: Sequence[tuple[str, Any, Grade]]) -> Summary:
        """The domain's report on a whole split."""
        reply = await self._call_plain("summarise", split, list(graded), timeout=LOAD_WALL_S)
        return _as(Summary, reply, "summarise")

    async def baselines(self, on: Split) -> dict[str, list[Grade]]:
        """The grades of every baseline on each instance of `on`."""
        reply = await self._call("baselines", on, timeout=BASELINES_WALL_S)
        found = {str(name): _as(list[Grade], grades, "baselines") for name, grades in reply.items()}
        for name, grades in found.items():
            for wrong in [wrong for grade in grades if (wrong := _no_score(grade)) is not None]:
                raise GraderFailed(f"the baseline {name!r} has {wrong:g}; a score lies between ±{plain.MOST_SCORE:g}")
        return found

    async def plots(
        self, pictures: Sequence[Picture], points: Mapping[str, tuple[float, float]], to: Path
    ) -> list[str]:
        """Has the domain draw `pictures` and `points` into the folder `to`; returns the names of the files."""
        reply = await self._call("plots", list(pictures), dict(points), str(to), timeout=BASELINES_WALL_S)
        return [str(name) for name in reply]

    async def examine(self, harness: Mapping[str, bytes]) -> Facts:
        """Facts about the instances, and about what the files of `harness` and of `given/` tell of them; no labels."""
        given = None if self.folder.adopted else self.folder.folders().get("given")
        return await self._call_as(Facts, "examine", dict(harness), given)

    async def fingerprints(self) -> dict[str, str]:
        """A digest of each split with its labels and its order."""
        return dict(await self._call("fingerprints", timeout=LOAD_WALL_S))

    async def near_duplicates(self, split: Split, other: Split) -> NearDuplicates:
        """The near-duplicates of instances of `split` in `other`, by their ids."""
        return await self._call_as(NearDuplicates, "near_duplicates", split, other)

    async def network_attempts(self) -> list[str]:
        """The addresses that the process has tried to reach since it was started; it has no network."""
        return list(await self._call("network_attempts", timeout=LOAD_WALL_S))

    async def draws(self) -> bool:
        """Whether the domain draws pictures."""
        return bool(await self._call("draws", timeout=LOAD_WALL_S))

    async def close(self) -> None:
        """Ends the process."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with all processes that the domain has started
            await process.wait()

    async def _call(self, operation: str, *arguments: Any, timeout: float) -> Any:
        async with self._turn:
            process = self._process or await self._start()
            if operation in _TIMED and arguments[0] not in self._loaded:
                await self._exchange(process, "load", arguments[:1], LOAD_WALL_S)
                self._loaded.add(arguments[0])
            return await self._exchange(process, operation, arguments, timeout)

    async def _exchange(
        self, process: asyncio.subprocess.Process, operation: str, arguments: Sequence[Any], timeout: float
    ) -> Any:
        assert process.stdin and process.stdout  # noqa: S101 - both are pipes
        try:
            process.stdin.write(pipes.pack((operation, arguments)))
            await process.stdin.drain()
            async with asyncio.timeout(timeout) as limit:  # in Python 3.11 wait_for can swallow a cancellation
                while (reply := await pipes.receive(process.stdout)).keys() & {"said", "work"}:
                    if "work" in reply:
                        what, done, total = reply["work"]
                        self.tell(str(what), int(done), int(total))
                        continue
                    self._report(str(reply["said"]))
                    limit.reschedule(asyncio.get_running_loop().time() + timeout + float(reply["waits_s"]))
        except TimeoutError:
            try:
                where = await self._where(process)
            finally:  # also where this is cancelled meanwhile
                await self.close()
            raise GraderFailed(f"the domain did not answer {operation!r} within {timeout:g} s{where}") from None
        except (OSError, asyncio.IncompleteReadError):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(END_S):
                    await process.wait()
            await self.close()
            said = self._stderr if quoting.may_be_quoted(operation, arguments) else ()
            last = f" ({self._stderr[-1]})" if said else f" ({exit_text(process.returncode or 0)})"
            raise GraderFailed(f"the domain's process died at {operation!r}{last}") from None
        except asyncio.CancelledError:
            await self.close()  # a late reply would be taken for the reply to the next call
            raise
        if "data" in reply:
            raise SiaError(reply["data"])
        if "error" in reply:
            raise GraderFailed(reply["error"])
        return reply["ok"]

    async def _where(self, process: asyncio.subprocess.Process) -> str:
        """Where a process is that does not answer: `: it is at domain.py:12 in grade`, or empty if it cannot say."""
        self._stderr.clear()
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(quoting.STACK_SIGNAL)
        await asyncio.sleep(END_S)
        place = quoting.place(list(self._stderr), self.folder.path)
        return f": it is at {place}" if place else ""

    async def _call_as(self, kind: type[T], operation: str, *arguments: Any) -> T:
        """The reply as a value of `kind`."""
        return _as(kind, await self._call(operation, *arguments, timeout=LOAD_WALL_S), operation)

    async def _call_plain(self, operation: str, *arguments: Any, timeout: float) -> Any:
        """As `_call`, for replies that the log must be able to hold."""
        reply = await self._call(operation, *arguments, timeout=timeout)
        try:
            plain.check(reply)
        except plain.NotPlain as error:
            raise GraderFailed(f"{operation} returns {error}") from None
        return reply

    async def _start(self) -> asyncio.subprocess.Process:
        keep = {name: os.environ[name] for name in _INHERITED if name in os.environ}  # no API keys for the domain
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the current folder must not shadow our packages
            "-m",
            "engine.grading.process",
            str(self.folder.path),
            str(self.data or ""),
            msgspec.json.encode(self._isolation).decode(),
            str(self.reserve),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**keep, **_ONE_THREAD, "PYTHONHASHSEED": str(self._hash_seed), "PYTHONUTF8": "1"},
            start_new_session=True,  # an interrupt at the terminal is the engine's to handle
        )
        assert self._process.stderr  # noqa: S101 - a pipe
        self._stderr.clear()
        self._loaded.clear()
        self._learnt.clear()
        self._relay = asyncio.create_task(self._listen(self._process.stderr))
        return self._process

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        async for line in pipes.lines(stream):
            self._stderr.append(line)


def _as(kind: type[T], reply: Any, operation: str) -> T:
    """The reply as a value of `kind`; raises `GraderFailed`. The message has types and fields, no values."""
    try:
        return msgspec.convert(reply, kind)
    except msgspec.ValidationError as error:
        raise GraderFailed(f"{operation}: {error}") from None


def _no_score(grade: Grade) -> float | None:
    """The first number of a grade that is no score."""
    values = (grade.score, grade.honest, grade.floor, *grade.measures.values())
    return next((value for value in values if value is not None and not plain.is_score(value)), None)
