"""completion: the script with which a shell completes `sia`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for SHELL.

    Example: sia completion bash > ~/.local/share/bash-completion/completions/sia
    """
    sia = click.get_current_context().find_root().command
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - the choice above lists what click knows
    click.echo(found(sia, {}, "sia", "_SIA_COMPLETE").source())
