"""Printing a diff, in colour if the terminal has colours."""

from __future__ import annotations

from sia_tui.cli.output import echo, plain


def print_diff(text: str) -> None:
    from rich.syntax import Syntax

    from sia_tui.cli.console import console, decorates

    out = console()
    if decorates(out):
        out.print(Syntax(plain(text), "diff", theme="ansi_dark", background_color="default"))
    else:
        echo(text)
