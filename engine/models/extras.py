"""What an optional package is for, and the sentence that says how to get it."""

from __future__ import annotations

from engine.errors import SiaError


def missing(package: str, extra: str) -> SiaError:
    """The error of a backend whose `package` is not installed; `extra` brings it."""
    return SiaError(f"the package {package} is not installed", f"install it with `pip install 'sia-tui[{extra}]'`")
