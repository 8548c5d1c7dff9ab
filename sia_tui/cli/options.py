"""Options that every command takes."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from engine.run.workspace import Workspace

F = TypeVar("F", bound=Callable[..., Any])


class UserPath(click.Path):
    """A path as a user writes it: `~` is their home, also where no shell replaces it, as in `--data=~/x`.

    An empty text is refused: it would be the current folder, and comes of a variable that is not set.
    """

    def __init__(self, **rules: Any) -> None:
        super().__init__(path_type=Path, **rules)

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):
            self.fail("an empty text names no file and no folder: a variable of your shell may be unset", param, ctx)
        with contextlib.suppress(RuntimeError):  # a user without a home
            value = Path(value).expanduser()
        return super().convert(value, param, ctx)


class Shared(NamedTuple):
    """The values of these options. `main` reads `--debug`, where it prints errors."""

    workspace: Workspace
    as_json: bool
    headless: bool
    announce_fd: int | None = None


def default_workspace() -> Path:
    """`$SIA_WORKSPACE`, or `.sia` in the current folder."""
    return Path(os.environ.get("SIA_WORKSPACE") or ".sia").expanduser()


def _check_values(given: dict[str, Any]) -> None:
    """Raises `SiaError` where the log cannot hold what was given for an argument or option, paths aside."""
    from engine import plain
    from engine.errors import SiaError

    for name, value in given.items():
        found = [one for one in (value if isinstance(value, tuple) else [value]) if isinstance(one, str | int | float)]
        try:
            plain.check(found)
        except plain.NotPlain as error:
            (named,) = [one for one in click.get_current_context().command.params if one.name == name]
            hint = named.get_error_hint(click.get_current_context()).strip("'")
            what = "text that is not UTF-8" if isinstance(found[0], str) else str(error)
            raise SiaError(f"{hint} cannot be {what}", "correct it") from None


def shared_options(command: F) -> Callable[..., Any]:
    """`--workspace`, `--json`, `--debug` and `--headless`, for any command, which receives them as `shared`."""

    @functools.wraps(command)
    def called(
        *, workspace: Path | None, as_json: bool, headless: bool, debug: bool, announce_fd: int | None, **rest: Any
    ) -> Any:
        from engine.run.workspace import Workspace

        _check_values(rest)
        place = Workspace(workspace or default_workspace())
        return command(shared=Shared(place, as_json, headless, announce_fd), **rest)

    decorated: Callable[..., Any] = called
    for option in (
        click.option("--headless", is_flag=True, help="Never ask and never draw; print plain lines."),
        click.option("--announce-fd", type=int, hidden=True, help="Where to write the run's id once it is in the log."),
        click.option("--debug", is_flag=True, help="Show tracebacks."),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--workspace", type=UserPath(), help="Folder of the runs.  [default: .sia]"),
    ):
        decorated = option(decorated)
    return decorated
