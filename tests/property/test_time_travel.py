"""Any sequence of appending, forking, branching, taking up, exporting, importing, sweeping, removing, renaming and
rebuilding, against a model that is a list of hashes a run: no history changes but by its own events, none is lost."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from engine.core import replay
from engine.core.decide import Append, ApplyGate, Perform, decide
from engine.core.state import fold
from engine.core.verdict import judge
from engine.errors import SiaError
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.seal import seal
from engine.events.storage import schema
from engine.loop.fork import ForkPlan, fork
from engine.queries import audit
from engine.run.workspace import Workspace
from engine.transfer.annotations import note, rename
from engine.transfer.garbage import survey, sweep
from engine.transfer.rebuild import rebuild
from engine.transfer.removal import remove
from engine.transfer.run_import import import_run
from tests.histories import Play, started
from tests.histories import settings as small

PICK = st.integers(0, 1 << 16)
HERE, THERE = 0, 1


class TimeTravel(RuleBasedStateMachine):
    """Two workspaces; `known[place][run]` is what the model says its history is, `parents` who forked from whom."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        base = Path(self.folder.name)
        self.places = [Workspace(base / "here"), Workspace(base / "there")]
        self.known: list[dict[str, list[str]]] = [{}, {}]
        self.names: list[dict[str, str]] = [{}, {}]
        self.parents: dict[str, str] = {}
        self.archives: list[tuple[Path, str, dict[str, list[str]]]] = []
        self.count = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    def _pick(self, place: int, pick: int) -> str:
        runs = sorted(self.known[place])
        return runs[pick % len(runs)]

    def _hashes(self, place: int, run: str) -> list[str]:
        with contextlib.closing(self.places[place].reader()) as reader:
            return [event.hash for event in reader.history(run)]

    def _children(self, place: int, run: str) -> list[str]:
        return [child for child in self.known[place] if self.parents.get(child) == run]

    @precondition(lambda self: len(self.known[HERE]) < 3)
    @rule(seed=st.integers(0, 3))
    def start(self, seed: int) -> None:
        self.count += 1
        run, name = f"r{self.count}", f"toy-{self.count}"
        self.places[HERE].create()
        chosen = small(seed=seed, generations=2, probes=1)
        first = replace(started(chosen, {"train": 4, "val": 3, "test": 1}), name=name)
        with contextlib.closing(RunLog.hold(self.places[HERE].path, run)) as log:
            log.append([(0, first)], durable=False)
        self.known[HERE][run], self.names[HERE][run] = self._hashes(HERE, run), name

    @precondition(lambda self: self.known[HERE])
    @rule(pick=PICK, steps=st.integers(1, 12), killed=st.booleans())
    def go_on(self, pick: int, steps: int, killed: bool) -> None:
        """An engine resumes a run, does some steps and stops: by itself, or in the middle of a step."""
        run = self._pick(HERE, pick)
        before = self.known[HERE][run]
        with contextlib.closing(RunLog.hold(self.places[HERE].path, run)) as log:
            history = list(log.reader.history(run))
            assert [event.hash for event in history] == before
            state = fold(history)
            if state.status in ("paused", "stopped"):
                log.append([(state.current.n if state.current else 0, t.RunResumed())], durable=False)
                history = list(log.reader.history(run))
            play = Play(log, history=history)  # type: ignore[arg-type]
            for _ in range(steps):
                _step(play)
            if killed and isinstance(step := decide(play.state), Perform):
                play.append(step.generation, t.StepStarted(step.kind, step.attempt))
        after = self._hashes(HERE, run)
        assert after[: len(before)] == before
        self.known[HERE][run] = after

    @precondition(lambda self: self.known[HERE] and len(self.known[HERE]) < 6)
    @rule(pick=PICK, at=PICK, as_branch=st.booleans())
    def fork(self, pick: int, at: int, as_branch: bool) -> None:
        parent = self._pick(HERE, pick)
        history = self.known[HERE][parent]
        n, generation = 1 + at % len(history), None
        with contextlib.closing(self.places[HERE].reader()) as reader:
            judged = [e for e in reader.history(parent) if e.type == t.GateDecided.type]
        if as_branch and judged:
            n, generation = judged[at % len(judged)].n, judged[at % len(judged)].generation
        child = fork(self.places[HERE], ForkPlan(parent, n, branch=generation))
        shared = self._hashes(HERE, child)
        assert shared[:n] == history[:n] and len(shared) == n + 1
        self.known[HERE][child], self.parents[child] = shared, parent
        self.names[HERE][child] = self._name(child)

    def _name(self, run: str) -> str:
        with contextlib.closing(self.places[HERE].reader()) as reader:
            return reader.find(run).name

    @precondition(lambda self: self.known[HERE])
    @rule(pick=PICK, data=st.booleans())
    def export(self, pick: int, data: bool) -> None:
        run = self._pick(HERE, pick)
        target = Path(self.folder.name) / f"{len(self.archives)}.sia"
        with contextlib.closing(self.places[HERE].reader()) as reader:
            seal(reader, reader.find(run), target, data=data, made_by="tests")
            family = {run: self.known[HERE][run]}
            while (parent := self.parents.get(run)) is not None:
                at = len(self.known[HERE][run]) - len(reader.own(run))
                family[parent] = self.known[HERE][parent][:at]
                run = parent
        self.archives.append((target, next(iter(family)), family))

    @precondition(lambda self: self.archives)
    @rule(pick=PICK, place=st.sampled_from([HERE, THERE]))
    def import_run(self, pick: int, place: int) -> None:
        path, run, family = self.archives[pick % len(self.archives)]
        known = self.known[place]
        try:
            taken = import_run(self.places[place], path)
        except SiaError as error:
            # only where a run of the family was gone on with in another way here
            assert "differs here from event" in error.message, error
            assert any(
                known.get(one, hashes)[: len(hashes)] != hashes[: len(known.get(one, hashes))]
                for one, hashes in family.items()
            )
            return
        for one in family:
            now = self._hashes(place, one)
            old = known.get(one, [])
            assert now[: len(old)] == old
            known[one] = now
        assert known[run][: len(family[run])] == family[run]
        self.names[place][run] = taken.name
        assert import_run(self.places[place], path).new == 0

    @precondition(lambda self: self.known[HERE])
    @rule(pick=PICK)
    def remove(self, pick: int) -> None:
        run = self._pick(HERE, pick)
        children = self._children(HERE, run)
        try:
            remove(self.places[HERE], run)
        except SiaError as error:
            assert children and "is the parent of" in error.message
        else:
            assert not children
            del self.known[HERE][run]
            if parent := self.parents.get(run):  # it may have recorded what the run had spent of their error
                before, self.known[HERE][parent] = self.known[HERE][parent], self._hashes(HERE, parent)
                assert self.known[HERE][parent][: len(before)] == before
                assert len(self.known[HERE][parent]) <= len(before) + 1

    @precondition(lambda self: self.known[HERE])
    @rule(pick=PICK, text=st.sampled_from(["a word", "another"]))
    def note(self, pick: int, text: str) -> None:
        run = self._pick(HERE, pick)
        note(self.places[HERE], run, text)
        self._grown(run)

    @precondition(lambda self: self.known[HERE])
    @rule(pick=PICK)
    def rename(self, pick: int) -> None:
        run = self._pick(HERE, pick)
        self.count += 1
        rename(self.places[HERE], run, f"named-{self.count}")
        self._grown(run)
        assert self._name(run) == f"named-{self.count}"

    def _grown(self, run: str) -> None:
        before, self.known[HERE][run] = self.known[HERE][run], self._hashes(HERE, run)
        assert self.known[HERE][run][:-1] == before

    @precondition(lambda self: self.known[HERE])
    @rule()
    def sweep(self) -> None:
        found = survey(self.places[HERE])
        assert sweep(self.places[HERE]) == found
        assert survey(self.places[HERE]).blobs == 0

    @precondition(lambda self: self.known[HERE])
    @rule(lost=st.booleans())
    def rebuild(self, lost: bool) -> None:
        place = self.places[HERE]
        rebuild(place)
        before = _derived(place)
        if lost:
            shutil.rmtree(place.path / "harness_repo")
        rebuild(place)
        assert _derived(place) == before

    @invariant()
    def histories_are_what_the_model_says(self) -> None:
        for place, workspace in enumerate(self.places):
            if workspace.log.exists():
                with contextlib.closing(workspace.reader()) as reader:
                    runs = reader.runs()
                    assert {run.run for run in runs} == set(self.known[place])
                    assert len({run.name for run in runs}) == len(runs)
                    assert {run.run: run.head_n for run in runs} == {r: len(h) for r, h in self.known[place].items()}
                    for problem in audit.verify(reader).problems:
                        raise AssertionError(problem)

    @precondition(lambda self: self.known[HERE])
    @rule(pick=PICK)
    def look(self, pick: int) -> None:
        run = self._pick(HERE, pick)
        assert self._hashes(HERE, run) == self.known[HERE][run]
        with contextlib.closing(self.places[HERE].reader()) as reader:
            assert replay.verify(reader, run).identical


def _step(play: Play) -> None:
    match decide(play.state):
        case Append(generation=generation, payload=payload):
            play.append(generation, payload)
        case ApplyGate(generation=generation):
            play.append(generation, judge(play.state, play.results, generation))
        case Perform(kind=kind, generation=generation, attempt=attempt):
            play.perform(kind, generation, attempt)


def _derived(place: Workspace) -> Any:
    with contextlib.closing(place.reader()) as reader:
        query = "SELECT * FROM {} ORDER BY 1, 2"
        tables = [reader.db.conn.execute(query.format(name)).fetchall() for name in schema.READ_MODELS]
        refs = place.repository().refs()
    ours = {run[1] for run in tables[schema.READ_MODELS.index("runs")]}
    return tables, {ref: commit for ref, commit in refs.items() if ref.split("/")[2] in ours | {"commits"}}


TimeTravel.TestCase.settings = settings(
    max_examples=12, stateful_step_count=16, deadline=None, suppress_health_check=list(HealthCheck)
)
test_time_travel = TimeTravel.TestCase
