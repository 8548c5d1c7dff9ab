"""docs/troubleshooting.md: a test provokes each of its sentences, so that none stands there that nothing prints."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import SiaError
from tests.docs import provoked_log, provoked_models, provoked_runs
from tests.docs.commandline import ROOT
from tests.docs.test_refusals import SAID
from tests.docs.test_troubleshooting import explained

AREAS = {"log": provoked_log.PROVOKED, "models": provoked_models.PROVOKED, "runs": provoked_runs.PROVOKED}
NOT_HERE = {
    "there is no folder …": "said in the training process, which imports torch",
    "the training state in … is damaged": "said in the training process, which imports torch",
}
"""Sentences that no test provokes, with the reason."""
WORDS = 3
_LONG, _JOINT = re.compile(r'""".*?"""', re.DOTALL), re.compile(r'"\s*\n\s*[rf]*"')


@pytest.mark.parametrize("area", AREAS)
def test_the_sentence_on_the_page_is_what_is_said(area: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    wrong = {sentence: said for sentence in AREAS[area] if not _fits(sentence, said := _said(area, sentence, tmp_path))}
    assert wrong == {}
    assert AREAS[area].keys() - set(explained()) == set()


def _said(area: str, sentence: str, folder: Path) -> str:
    """The message of the error that is provoked, or what was raised instead."""
    place = Path(tempfile.mkdtemp(dir=folder))
    with pytest.MonkeyPatch.context() as patch:
        try:
            AREAS[area][sentence](place, patch)
        except SiaError as error:
            return error.message
        except Exception as error:
            return repr(error)
    return "nothing was raised"


def _fits(sentence: str, said: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, sentence.split("…"))), said, re.DOTALL) is not None


def test_every_sentence_on_the_page_is_provoked_in_a_test() -> None:
    """Here or in `test_refusals`, or where a test quotes words of it that no other sentence has."""
    sentences = list(dict.fromkeys(explained()))
    of = {sentence: set(_phrases(sentence)) for sentence in sentences}
    count = Counter(phrase for phrases in of.values() for phrase in phrases)
    quoted, provoked = _quoted(), set(SAID).union(NOT_HERE, *AREAS.values())
    open_ones = [
        sentence
        for sentence in sentences
        if sentence not in provoked and not any(count[phrase] == 1 and phrase in quoted for phrase in of[sentence])
    ]
    assert open_ones == []


def _phrases(sentence: str) -> Iterator[str]:
    """Each three words in a row of a sentence; a part of fewer words, whole."""
    for part in sentence.split("…"):
        words = part.strip(" :(),").split()
        if len(words) < WORDS:
            yield " ".join(words)
        for at in range(len(words) - WORDS + 1):
            yield " ".join(words[at : at + WORDS])


def _quoted() -> str:
    """The tests without what stands in three quotation marks, a text over several lines as one."""
    sources = (path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return "\n".join(_JOINT.sub("", _LONG.sub("", source)) for source in sources).replace("\\", "")
