"""What a person likes, in `tui.toml` of the user's configuration folder: a theme, keys, and how a run's end is told.

theme = "sia-clear"
notify = "bell"          # or "desktop" (OSC 9), or "none"
[keys]
branch = "ctrl+b"        # by the ids that `?` shows
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from engine.errors import SiaError


class Preferences(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that `tui.toml` may say."""

    theme: str = "sia"
    notify: Literal["bell", "desktop", "none"] = "bell"
    keys: dict[str, str] = {}


def path() -> Path:
    """`$SIA_TUI_CONFIG`, or `tui.toml` in the user's configuration folder."""
    if named := os.environ.get("SIA_TUI_CONFIG"):
        return Path(named)
    import platformdirs

    return platformdirs.user_config_path("sia") / "tui.toml"


def read(known_keys: set[str], known_themes: set[str]) -> Preferences:
    """The preferences, or the defaults where there is no file; raises `SiaError` for what is not known."""
    place = path()
    try:
        text = place.read_text()
    except FileNotFoundError:
        return Preferences()
    except (OSError, UnicodeDecodeError) as error:
        raise SiaError(f"{place} cannot be read ({error})", "correct it or remove it") from None
    try:
        found = msgspec.convert(tomllib.loads(text), Preferences)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise SiaError(f"{place} is not valid: {error}", "docs/app.md says what it may hold") from None
    for wrong, right, what in ((set(found.keys) - known_keys, known_keys, "key"),
                               ({found.theme} - known_themes, known_themes, "theme")):  # fmt: skip
        if wrong:
            raise SiaError(
                f"{place} names a {what} {min(wrong)!r} that there is not", f"choose from {', '.join(sorted(right))}"
            )
    return found
