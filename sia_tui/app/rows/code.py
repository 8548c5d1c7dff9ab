"""Code, prompts, JSON and TOML as rows in the colours of their syntax."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import PurePath
from typing import Literal, Protocol

from sia_tui.app.rows.row import Row, Span, Tone
from sia_tui.app.rows.text import fold_lines

Language = Literal["", "python", "json", "toml", "markdown"]


class Lexer(Protocol):
    """What is used of a lexer of Pygments: (place, kind, text) of each token, and whether it reads code in prose."""

    handlecodeblocks: bool

    def get_tokens_unprocessed(self, text: str) -> Iterator[tuple[int, object, str]]: ...


MAX_CHARACTERS = 100_000
"""A longer text is drawn in one colour, so that its page opens at once."""
_BY_SUFFIX: dict[str, Language] = {".py": "python", ".json": "json", ".toml": "toml", ".md": "markdown"}
_TONES: dict[str, Tone] = {
    "Token.Keyword.Constant": "number",
    "Token.Keyword": "keyword",
    "Token.Operator.Word": "keyword",
    "Token.Comment": "comment",
    "Token.Literal.String": "string",
    "Token.Literal.Number": "number",
    "Token.Literal.Date": "number",
    "Token.Name.Function": "name",
    "Token.Name.Class": "name",
    "Token.Name.Decorator": "name",
    "Token.Name.Tag": "name",
    "Token.Generic.Heading": "title",
    "Token.Generic.Subheading": "title",
    "Token.Generic.Strong": "strong",
}
"""Tones by the kinds of token; a kind of which a longer name stands here has that one's."""


def language_of(path: str) -> Language:
    """The language of a file by its name; empty where it has no colours."""
    return _BY_SUFFIX.get(PurePath(path).suffix.lower(), "")


def language_in(text: str) -> Language:
    """`json` where the text begins as JSON does; else empty."""
    return "json" if text.lstrip()[:1] in ("{", "[") else ""


def code_rows(text: str, width: int, language: Language, *, limit: int = 400) -> list[Row]:
    """`text` in its colours, folded to `width` cells; at most `limit` rows, as in `wrap`."""
    return fold_lines(code_lines(text, language), text, width, limit)


def code_lines(text: str, language: Language) -> Iterator[list[Span]]:
    """Each line of `text` as its spans."""
    line: list[Span] = []
    for part, tone in _tokens(text, language):
        first, *others = part.split("\n")
        line.append((first, tone))
        for other in others:
            yield line
            line = [(other, tone)]
    yield line


def _tokens(text: str, language: Language) -> Iterator[Span]:
    if not language or len(text) > MAX_CHARACTERS:
        yield text, "code"
        return
    for _, kind, part in _lexer(language).get_tokens_unprocessed(text):
        yield part, _tone(str(kind))


@cache
def _lexer(language: Language) -> Lexer:
    from pygments.lexers import get_lexer_by_name  # for the first page that needs it

    lexer: Lexer = get_lexer_by_name(language)
    lexer.handlecodeblocks = False  # else a text would choose which lexers are imported
    return lexer


@cache
def _tone(kind: str) -> Tone:
    while kind and kind not in _TONES:
        kind = kind.rpartition(".")[0]
    return _TONES[kind] if kind else "code"
