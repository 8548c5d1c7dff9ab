"""Options that every command takes, and how its result is printed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def default_workspace() -> Path:
    """`$SIA_WORKSPACE`, or `.sia` in the current folder."""
    return Path(os.environ.get("SIA_WORKSPACE") or ".sia")


def common(command: F) -> F:
    """`--workspace`, `--json`, `--debug` and `--headless`, after any command."""
    for option in (
        click.option("--headless", is_flag=True, help="Never ask, never draw: plain lines only."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--workspace", type=click.Path(path_type=Path), help="Where runs live.  [default: .sia]"),
    ):
        command = option(command)
    return command


def workspace_of(path: Path | None) -> Any:
    """The workspace that the options name."""
    from engine.loop.workspace import Workspace

    return Workspace(path or default_workspace())


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def plain(text: str) -> str:
    """Foreign text made harmless for a terminal: control codes become visible."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else letter.encode("unicode_escape", "surrogatepass").decode()
        for letter in text
    )
