"""Tables: with borders in a terminal, without in a pipe; cells hold no markup, and may have a style."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from sia_tui.cli.console import console
from sia_tui.cli.output import plain


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Prints a table on standard output."""
    out = console()
    result = Table(box=box.SIMPLE_HEAD if out.is_terminal else None, pad_edge=False)
    for column in columns:
        result.add_column(Text(plain(column)), overflow="fold")
    for row in rows:
        result.add_row(*(cell if isinstance(cell, Text) else Text(plain(str(cell))) for cell in row))
    if not out.is_terminal:
        out.width = 10_000  # never wrap lines in a pipe
    out.print(result)
