"""The user's preferences: `tui.toml` in the configuration folder.

theme = "sia-clear"
notify = "bell"          # or "desktop" (OSC 9), or "none"
[keys]
branch = "ctrl+b"        # by the ids that `?` lists
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import SiaError


class Preferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of `tui.toml`."""

    theme: str | None = None  # one that fits the terminal
    notify: Literal["bell", "desktop", "none"] = "bell"
    keys: dict[str, str] = {}


def path() -> Path:
    """`$SIA_TUI_CONFIG`, or `tui.toml` in the user's configuration folder."""
    if configured := os.environ.get("SIA_TUI_CONFIG"):
        return Path(configured)
    import platformdirs

    return platformdirs.user_config_path("sia") / "tui.toml"


def read(known_keys: set[str], known_themes: set[str]) -> Preferences:
    """The preferences, or the defaults where there is no file; raises `SiaError` for an unknown key or theme."""
    file = path()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return Preferences()
    except (OSError, UnicodeDecodeError) as error:
        raise SiaError(f"{file} cannot be read ({error})", "correct it or remove it") from None
    import tomllib

    try:
        preferences = msgspec.convert(tomllib.loads(text), Preferences)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise SiaError(f"{file} is not valid: {error}", "docs/app.md says what it may hold") from None
    for kind, names, known in (
        ("key", set(preferences.keys), known_keys),
        ("theme", {preferences.theme} if preferences.theme is not None else set(), known_themes),
    ):
        if unknown := names - known:
            choices = ", ".join(sorted(known))
            raise SiaError(f"{file} has an unknown {kind} {min(unknown)!r}", f"choose from {choices}")
    return preferences


def keep_theme(name: str) -> None:
    """Writes the theme into the file; what else stands there stays, comments too.

    Raises `SiaError` for a file that is not valid, which stays as it is, and for one that cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    from domains import atomic

    file = path()
    try:
        written = tomlkit.parse(file.read_text(encoding="utf-8-sig")) if file.exists() else tomlkit.document()
        written["theme"] = name
        atomic.write(file.resolve(), tomlkit.dumps(written).encode())
    except (OSError, UnicodeDecodeError, TOMLKitError) as error:
        raise SiaError(f"{file} does not keep the theme ({error})", "correct it, or make it writable") from None
