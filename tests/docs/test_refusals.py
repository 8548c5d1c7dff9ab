"""docs/troubleshooting.md: what a mistyped command says is the sentence on the page, and it changes nothing."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.errors import SiaError
from engine.events.reader import Reader
from sia_tui.main import cli
from tests.docs.commandline import TOY
from tests.docs.test_troubleshooting import explained

RUN = ("run", str(TOY), "--headless")
SAID = {
    "there is nothing at …": ("trust", "nowhere"),
    "you did not trust …": ("trust", "--forget", "nowhere"),
    "there is no domain …": ("run", "nowhere"),
    "an empty text names no folder": ("run", " "),
    "there is no template …": ("new", "fresh", "--template", "nothing"),
    "… already exists and is not empty": ("new", "full", "--template", "classify"),
    "a new task needs a template": ("new", "fresh", "--headless"),
    "… is no task of OpenEvolve, ShinkaEvolve or SIA": ("adopt", "full"),
    "a run has 1 to … generations, not …": (*RUN, "--generations", "0"),
    "an Improvement has 1 to … probes, not …": (*RUN, "--probes", "0"),
    "a candidate is chosen from 1 to … proposals, not …": (*RUN, "--proposals", "0"),
    "the agent … makes one proposal for a candidate, not …": (*RUN, "--proposals", "2"),
    "the numbers of a proposal are tuned with 0 to … probes, not …": (*RUN, "--tune", "-1"),
    "the agent … makes no proposals whose numbers could be tuned": (*RUN, "--tune", "4"),
    "a reserve cannot be … of train": (*RUN, "--reserve", "1.5"),
    "… has too few instances for a second look: … in val and … in the reserve": (*RUN, "--reserve", "0.1"),
    "a val cannot last … generations": (*RUN, "--rotate", "-1"),
    "a fresh val each … of … generations takes … fresh vals of … instances, and the reserve of … has …": (
        *RUN,
        "--rotate",
        "1",
    ),
    "… workers are not 1 to …": (*RUN, "--workers", "0"),
    "--watch starts several runs, and a name fits only one": (*RUN, "--watch", "--name", "x"),
    "… comes with sia, and its files do not change": ("run", "toy", "--watch"),
    "there is no run …": ("show", "nobody"),
    "… has the events 1 to …, not …": ("fork", "some", "--at", "99999"),
    "… has no verdict on a generation …": ("branch", "some", "--generation", "9"),
    "… is not a setting that you can change": ("fork", "some", "--at", "2", "--set", "sed=3"),
    "that setting is not valid: …": ("fork", "some", "--at", "2", "--set", f"seed={1 << 64}"),
    "… is not a harness: …": ("fork", "some", "--at", "2", "--harness", "full"),
    "… cannot be read (…)": ("apply", "some", "nowhere.jsonl"),
    "the input holds no instance": ("apply", "some", "empty.jsonl"),
    "… has no harness …": ("diff", "some", "1", "99"),
    "no generation of … has executed an instance …": ("trajectory", "some", "nobody"),
    "cannot export a run as …": ("export", "some", "-o", "run.zip"),
    "deleting … cannot be undone": ("rm", "some", "--headless"),
    "… is not the task of this run: its code differs": ("relink", "some", "toy"),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refusals")
    (folder / "full").mkdir()
    (folder / "full" / "file").touch()
    (folder / "empty.jsonl").touch()
    words = ("run", str(TOY), "--generations", "1", "--name", "some", "--plain", "--workspace", str(folder / ".sia"))
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return folder


def events(place: Path) -> list[str]:
    with contextlib.closing(Reader.open(place / ".sia" / "events.db")) as reader:
        return [event.hash for event in reader.all_events()]


@pytest.mark.parametrize("sentence", SAID)
def test_the_sentence_on_the_page_is_what_is_said(sentence: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)
    before = sorted(path.name for path in place.iterdir())
    log = events(place)
    refused = CliRunner().invoke(cli, SAID[sentence]).exception
    assert isinstance(refused, SiaError), refused
    assert re.fullmatch(".*".join(map(re.escape, sentence.split("…"))), refused.message), refused.message
    assert sentence in explained()
    assert sorted(path.name for path in place.iterdir()) == before
    assert events(place) == log
