"""Where model files are kept between runs and workspaces: under `$SIA_CACHE`, or the user's cache folder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from engine.errors import SiaError


def models_folder() -> Path:
    """The folder of all models; it need not exist."""
    root = os.environ.get("SIA_CACHE")
    return (Path(root) if root else platformdirs.user_cache_path("sia")) / "models"


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content, which names weights whatever their file is called."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A place to write what shall stand at `target`: a file or folder that appears there whole, or not at all.

    Where two make the same thing, the first stays. Raises `SiaError` where the cache cannot be written.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as temporary:
            fresh = Path(temporary) / target.name
            yield fresh
            if not target.exists():
                shutil.move(fresh, target)
    except OSError as error:
        reason = error.strerror or error
        raise SiaError(
            f"the model cache {target.parent} cannot be written ({reason})", "set $SIA_CACHE to a folder of your own"
        ) from None
