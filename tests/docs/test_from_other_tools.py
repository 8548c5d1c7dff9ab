"""docs/from-*.md: their examples do what they say, on a small task of the same format."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.docs.commandline import DOCS, PEERS, sia
from tests.docs.test_commands import examples

STANDS_FOR = {"function_minimization": "openevolve", "sine_approx_headless": "shinka", "doubling": "sia"}


@pytest.mark.parametrize(
    "page",
    ["from-openevolve.md", "from-shinka.md", "from-sia.md"],
)
@pytest.mark.slow
def test_the_examples_on_the_page_work(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "submission.csv").write_text("id,answer\n0,2\n1,4\n")
    shown = examples((DOCS / page).read_text())
    assert len(shown) >= 3
    for example in shown:
        words = [str(PEERS / STANDS_FOR[word]) if word in STANDS_FOR else word for word in shlex.split(example)]
        done = sia(tmp_path, *words)
        assert done.status == 0, f"sia {example}\n{done.output}{done.errors}"
        assert done.output, f"sia {example} prints nothing"
