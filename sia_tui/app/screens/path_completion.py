"""Files and folders that a path, as far as it is typed, may become."""

from __future__ import annotations

from pathlib import Path

from textual.suggester import Suggester

MOST = 200


def completions(typed: str, *, folders_only: bool = False) -> list[str]:
    """What begins with `typed`, as it would be typed; a folder ends with a slash. Hidden ones only where asked for."""
    head, slash, start = typed.rpartition("/")
    try:
        parent = Path(head + slash or ".").expanduser()
        found = sorted(parent.iterdir()) if parent.is_dir() else []
    except (OSError, RuntimeError):  # a folder that cannot be read; a user without a home
        return []
    named = [one for one in found if one.name.startswith(start) and (start or not one.name.startswith("."))]
    kept = [(one, one.is_dir()) for one in named[:MOST]]
    return [f"{head}{slash}{one.name}{'/' * is_dir}" for one, is_dir in kept if is_dir or not folders_only]


class PathSuggester(Suggester):
    """Shows the first completion of a path; the right arrow takes it."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first completion."""
        return next(iter(completions(value)), None) if value else None
