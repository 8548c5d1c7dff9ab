"""Whatever was appended, by however many runs, the derived tables are a function of the events."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.events import readmodels
from engine.events import types as t
from engine.events.log import RunLog
from engine.events.storage import schema
from tests.histories import started

SCORES = st.builds(t.Score, st.floats(0, 1), st.floats(0, 1), st.integers(1, 9))
LEVERS = st.sampled_from([None, "harness"])
NAMES = st.sampled_from(["h1", "h2"])
PAYLOADS: st.SearchStrategy[t.Payload] = st.one_of(
    st.builds(t.GenerationStarted, st.builds(t.Candidate, NAMES, st.none() | NAMES, LEVERS)),
    st.builds(
        t.ExecutionFinished,
        st.dictionaries(st.sampled_from(["val", "train"]), SCORES),
        st.just("d"),
        st.just({}),
        st.just(1),
        st.just(0),
        st.just(1.0),
    ),
    st.builds(t.GateDecided, st.booleans(), st.just("why"), st.just("test"), st.just(3)),
    st.builds(
        t.InstanceFinished,
        NAMES,
        st.sampled_from(["val", "train"]),
        NAMES,
        st.integers(0, 2),
        st.integers(0, 9),
        NAMES,
        st.floats(0, 1),
        failure=st.none() | st.just(t.Failure("candidate", "no")),
    ),
    st.just(t.RunPaused("a")),
    st.just(t.RunStopped("a")),
    st.just(t.RunResumed()),
    st.just(t.RunFinished("r")),
    st.just(t.RunFailed(t.Failure("model", "m"))),
    st.just(t.StepStarted("execute", 1)),
)
SEQUENCES = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), PAYLOADS), max_size=25)
FORKS = st.lists(st.integers(1, 3), max_size=2)


def tables(log: RunLog) -> dict[str, list[Any]]:
    return {name: log.db.conn.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in schema.READ_MODELS}  # noqa: S608


@settings(max_examples=20, deadline=None)
@given(SEQUENCES, FORKS)
def test_rebuild_gives_identical_tables(sequence: list[tuple[int, int, t.Payload]], forks: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        logs = [stack.enter_context(contextlib.closing(RunLog.hold(Path(folder), f"r{i}"))) for i in range(3)]
        for i, log in enumerate(logs):
            log.append([(0, replace(started(), name=f"toy-{i}"))], durable=False)
        for which, generation, payload in sequence:
            logs[which].append([(generation, payload)], durable=False)
        for i, parent in enumerate(forks):
            child = stack.enter_context(contextlib.closing(RunLog.hold(Path(folder), f"f{i}")))
            child.fork_from(child.reader.event(f"r{parent - 1}", 1))
            child.append([(0, t.RunForked(f"fork-{i}", f"r{parent - 1}", 1)), (1, t.RunPaused("a"))], durable=False)
        before = tables(logs[0])
        logs[0].db.conn.execute("UPDATE runs SET status = 'wrong', best = 7")
        logs[0].db.conn.execute("DELETE FROM results")
        assert readmodels.rebuild(logs[0].db) == 3 + len(sequence) + 2 * len(forks)
        assert tables(logs[0]) == before
