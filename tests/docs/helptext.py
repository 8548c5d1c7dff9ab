"""The help of every command as docs/commands.md shows it. `python -m tests.docs.helptext` writes it there anew."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click

from sia_tui.main import cli
from tests.docs.commandline import DOCS

PAGE = DOCS / "commands.md"
_SECTION = re.compile(r"^## `sia ([a-z ]+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_HELP = re.compile(r"^```text\n.*?^```\n", re.MULTILINE | re.DOTALL)


def commands() -> dict[str, str]:
    """By its words after `sia`, the help text of every command; groups stand for their subcommands."""
    return dict(_walk(cli, click.Context(cli, info_name="sia", terminal_width=80, **cli.context_settings), ""))


def sections(page: str) -> dict[str, str]:
    """By command, what the page says of it."""
    return {found[1]: found[2] for found in _SECTION.finditer(page)}


def refreshed(page: str) -> str:
    """The page with today's help in each section."""
    known = commands()

    def section(found: re.Match[str]) -> str:
        text = known.get(found[1])
        return found[0] if text is None else _HELP.sub(lambda _: f"```text\n{text}\n```\n", found[0], count=1)

    return _SECTION.sub(section, page)


def _walk(group: click.Group, context: click.Context, prefix: str) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        inner = click.Context(command, parent=context, info_name=name, terminal_width=80)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield f"{prefix}{name}", command.get_help(inner)
        if isinstance(command, click.Group):
            yield from _walk(command, inner, f"{prefix}{name} ")


if __name__ == "__main__":
    PAGE.write_text(refreshed(PAGE.read_text()))
