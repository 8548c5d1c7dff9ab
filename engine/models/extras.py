"""What an optional package is for, and the sentence that says how to get it."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from engine.errors import SiaError

_CALLED = {"llama_cpp": "llama-cpp-python"}


def missing(package: str, extra: str) -> SiaError:
    """The error of a backend whose `package` is not installed; `extra` brings it."""
    name = _CALLED.get(package, package)
    return SiaError(f"the package {name} is not installed", f"install it with `pip install 'sia-tui[{extra}]'`")


def lack(packages: Sequence[str], extra: str) -> SiaError | None:
    """The error for the first of `packages` that is not installed, found without importing any."""
    absent = next((name for name in packages if importlib.util.find_spec(name) is None), None)
    return missing(absent, extra) if absent else None
