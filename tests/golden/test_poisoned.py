"""A log with a record that cannot be read opens, and goes on from before it, whatever kind of event the record is.

An engine of an earlier release stopped at such a record, so it is the last of its run; a few events may follow that
were appended with it.
"""

from __future__ import annotations

import contextlib
import json
from itertools import cycle
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from rich.text import Text

from engine import trust
from engine.core import replay
from engine.core.decide import decide
from engine.core.state import State, fold
from engine.errors import SiaError
from engine.events import types as t
from engine.events.event import DoesNotFit, Event
from engine.events.maintenance import housekeeping
from engine.events.reader import Reader
from engine.events.seal import seal
from engine.queries import audit
from engine.queries.snapshot import Outline
from sia_tui.app.model.snapshot import RunSnapshot
from sia_tui.app.pages.event import overview
from sia_tui.app.rows.event_line import event_summary
from sia_tui.app.rows.row import Target
from sia_tui.cli.headlines import headline
from sia_tui.main import cli
from tests.poison import FORMS, events_of, poisoned

GOLDEN = Path(__file__).parent
LOGS = ("v8-ladder.db", "v4-models.db", "v6-jumps.db")
LAST: dict[str, tuple[str, Event]] = {
    event.type: (name, event) for name in LOGS for event in events_of(GOLDEN / name) if event.type != "run.started"
}
"""Of each kind of event in the corpus the last one, and the log that has it."""
OTHERS = sorted(set(t.PAYLOADS) - set(LAST) - {"run.started"})


def make(folder: Path, kind: str, form: str, *, cut: bool) -> tuple[Path, Event]:
    """A log with a record of that kind in that form, and the event that it was; others stand in a step's place."""
    name, event = LAST.get(kind, LAST["step.started"])
    poisoned(folder / "events.db", GOLDEN / name, event.seq, FORMS[form](json.loads(event.stored)), kind=kind, cut=cut)
    return folder / "events.db", event


def read(reader: Reader, *, after: int = 0) -> None:
    """Every event after that one as the command line and the app show it, with the state at it."""
    for run in reader.runs():
        outline = Outline(reader, run.run)
        for event in reader.history(run.run, after=after):
            Text.from_markup(headline(event, event.payload) or "")
            event_summary(event)
            if event.type != "instance.finished" or event.n == outline.head:
                snapshot = RunSnapshot(reader, outline, event.n)
                overview.build(snapshot, Target("event", event.n), 80)
                snapshot.phases()
                decide(snapshot.state)


def same_but_for_time(state: State) -> object:
    """What is decided in a state; the words of what is abandoned count results."""
    decision = decide(state)
    return type(decision), getattr(decision, "generation", None), type(getattr(decision, "payload", None))


@pytest.mark.parametrize("kind", [*LAST, *OTHERS])
def test_a_log_that_ends_with_a_poisoned_record_opens_and_goes_on(kind: str, tmp_path: Path) -> None:
    path, event = make(tmp_path, kind, "NaN, which is written as null", cut=True)
    with contextlib.closing(Reader.open(path)) as reader:
        read(reader, after=event.n - 2)
        if kind == "run.forked":
            return  # without it there is no such run
        run = next(one for one in reader.runs() if (one.run, one.head_n) == (event.run, event.n))
        before, after = fold(reader.history(run.run, until=event.n - 1)), fold(reader.history(run.run))
        assert same_but_for_time(before) == same_but_for_time(after)
        assert isinstance(reader.event(run.run, event.n).payload, t.Unread)
        assert [f"event {event.n} " in one for one in audit.verify(reader).problems] == [True]
        diverged = replay.verify(reader, run.run).diverged_at
        assert diverged and diverged.n == event.n
        with pytest.raises(SiaError, match="no import would take it; export it as"):
            seal(reader, run, tmp_path / "out.sia", data=False, made_by="a test")
        assert housekeeping.unneeded_blobs(reader) is not None


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "form"), [*zip(LAST, cycle(FORMS), strict=False)])
def test_every_command_reads_a_log_with_such_a_record_in_the_middle(kind: str, form: str, tmp_path: Path) -> None:
    """What does not fit without it is told in a sentence."""
    _, event = make(tmp_path, kind, form, cut=False)
    for words in (
        *("ls", "show last", "log last --instances", "log last --json", "tree", "cost last", "replay last --verify"),
        *("verify", "gc", f"export last -o {tmp_path}/a.jsonl", f"export last -o {tmp_path}/a.sia"),
        f"fork last --at {event.n - 1} --no-start --generations 9",
    ):
        done = call(tmp_path, words)
        assert done.exception is None or isinstance(done.exception, SiaError | SystemExit), (words, done.exc_info)
    with contextlib.closing(Reader.open(tmp_path / "events.db")) as reader, contextlib.suppress(DoesNotFit):
        read(reader)


def call(workspace: Path, words: str) -> Result:
    trust.remember(workspace)
    return CliRunner().invoke(cli, [*words.split(), "--workspace", str(workspace)], standalone_mode=False)
