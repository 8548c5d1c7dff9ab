"""Keys of paid services: from the environment, or from the user's keyring; never from a file of ours or a flag."""

from __future__ import annotations

import os

SERVICE = "sia"
"""Under this name keys stand in the keyring: `keyring set sia ANTHROPIC_API_KEY`."""


def key(name: str) -> str:
    """The key called `name`, or nothing."""
    return os.environ.get(name, "") or _of_keyring(name)


def origin(name: str) -> str:
    """Where the key comes from, for showing: `environment`, `keyring`, or nothing where there is none."""
    if os.environ.get(name):
        return "environment"
    return "keyring" if _of_keyring(name) else ""


def _of_keyring(name: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ModuleNotFoundError:
        return ""
    try:
        return keyring.get_password(SERVICE, name) or ""
    except keyring.errors.KeyringError:  # no keyring on this machine, or a locked one
        return ""
