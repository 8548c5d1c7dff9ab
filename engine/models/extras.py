"""Errors for optional packages that are not installed: each says which extra to install."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from engine.errors import SiaError

_CALLED = {"llama_cpp": "llama-cpp-python"}


def missing_package(package: str, extra: str) -> SiaError:
    """The error of a backend whose `package` is not installed; the extra `extra` installs it."""
    name = _CALLED.get(package, package)
    return SiaError(f"the package {name} is not installed", f"install it with `pip install 'sia-tui[{extra}]'`")


def find_missing(packages: Sequence[str], extra: str) -> SiaError | None:
    """The error for the first of `packages` that is not installed, or None; imports nothing."""
    absent = next((name for name in packages if importlib.util.find_spec(name) is None), None)
    return missing_package(absent, extra) if absent else None
