"""docs/app.md: its keys are the keys, its filter is the filter, its preferences are read."""

from __future__ import annotations

import re
import tomllib

import msgspec

from engine.events.reader import Reader
from sia_tui.app.keys import MAIN, SYMBOLS
from sia_tui.app.model.event_filter import parse_filter
from sia_tui.app.preferences import Preferences
from sia_tui.app.themes import THEMES
from tests.docs.commandline import DOCS, ROOT

PAGE = (DOCS / "app.md").read_text()


def test_the_keys_on_the_page_are_the_keys() -> None:
    shown = [", ".join(SYMBOLS.get(one, one) for one in key.keys.split(",")) for key in MAIN]
    wanted = [f"| {keys} | {key.id} | {key.help} |" for keys, key in zip(shown, MAIN, strict=True)]
    section = PAGE.partition("## Keys")[2].partition("\n## ")[0]
    assert [line for line in section.splitlines() if line.startswith("| ")][2:] == wanted


def test_every_term_of_the_filter_on_the_page_is_understood() -> None:
    section = PAGE.partition("## The filter")[2].partition("\n## ")[0]
    terms = re.findall(r"`([^`]+)`", "\n".join(line.split(" | ")[0] for line in section.splitlines()))
    assert len(terms) > 15
    with Reader.open(ROOT / "tests/golden/v1-times7.db").db.conn as connection:
        for term in terms:
            found = parse_filter(term)
            connection.execute(f"SELECT n FROM events WHERE {found.condition}", found.parameters).fetchall()  # noqa: S608


def test_the_preferences_on_the_page_are_valid() -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    chosen = msgspec.convert(tomllib.loads(block), Preferences)
    assert chosen.theme in {theme.name for theme in THEMES}
    assert set(chosen.keys) <= {key.id for key in MAIN}


def test_the_screens_on_the_page_are_there() -> None:
    pictures = re.findall(r"\]\((screens/[a-z]+\.svg)\)", PAGE)
    assert len(pictures) >= 3
    assert all((DOCS / picture).is_file() for picture in pictures)
