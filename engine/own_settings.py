"""Changes the user's own sia.toml: what stands in it stays, comments too."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tomlkit

from domains import atomic
from engine.errors import SiaError
from engine.user_settings import own, own_file


def put(values: Mapping[str, str]) -> Path:
    """Sets these settings at the top level of the file, and removes those without a value; returns its path.

    Raises `SiaError` for a file that is not valid, which stays as it is, and for one that cannot be written.
    """
    own()
    path = own_file()
    try:
        written = tomlkit.parse(path.read_text(encoding="utf-8-sig")) if path.exists() else tomlkit.document()
        for name, value in values.items():
            if value:
                written[name] = value
            else:
                written.pop(name, None)
        atomic.write(path.resolve(), tomlkit.dumps(written).encode())
    except OSError as error:
        raise SiaError(f"{path} cannot be written ({error.strerror})", "set it yourself, or make it writable") from None
    return path
