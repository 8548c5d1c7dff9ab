"""Model files in the user's cache, shared by runs and workspaces; a file is complete or missing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from domains import cache
from engine.errors import SiaError


def models_folder() -> Path:
    """The folder of all models, whether it exists or not."""
    return cache.folder("models")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, which names weights independently of their file's name."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def once(
    target: Path,
    make: Callable[[Path], object],
    *,
    whole: Callable[[Path], bool] = Path.exists,
    report: Callable[[str], None] = lambda _: None,
) -> Path:
    """As `domains.cache.once`; raises `SiaError` if the cache cannot be written."""
    try:
        return cache.once(target, make, whole=whole, report=report)
    except OSError as error:
        reason = error.strerror or error
        raise SiaError(
            f"the cache {target.parent} cannot be written ({reason})", "set $SIA_CACHE to a folder elsewhere"
        ) from None
