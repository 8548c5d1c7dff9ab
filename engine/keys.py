"""Keys of paid services: from the environment, or from the user's keyring; never from a file of ours or a flag.

`redact` removes them from everything that is written down. It knows every key that was requested here, those that the
user's settings name (`expect`), variables whose names say that they are secret, and passwords in addresses. Values
under `SHORTEST` characters stay, since they would match ordinary words.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote

SERVICE = "sia"
"""The service under which the keyring holds keys: `keyring set sia ANTHROPIC_API_KEY`."""
SHORTEST = 8
_SECRET = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|PASSPHRASE|PAT|CREDENTIALS?)$", re.IGNORECASE)
_PASSWORD = re.compile(r"(?<=://)([^\s/?#:@]*):([^\s/?#@]+)@")
_expected: set[str] = set()
_given: dict[str, str] = {}
"""By value, the name under which a key was given out."""


def key(name: str) -> str:
    """The key called `name`, or nothing."""
    return _remembered(name, os.environ.get(name, "")) or _of_keyring(name)


def origin(name: str) -> str:
    """Where the key comes from: `environment`, `keyring`, or empty where there is none."""
    if os.environ.get(name):
        return "environment"
    return "keyring" if _of_keyring(name) else ""


def expect(names: Iterable[str]) -> None:
    """From now on the variables with these `names` are secret, whatever they are called."""
    _expected.update(filter(None, names))


def redact(text: str) -> str:
    """`text` with every known secret replaced by its name, also in base64, hexadecimal, or quoted for a URL or JSON."""
    found = {value: name for name, value in _secrets() if len(value) >= SHORTEST}
    for value in sorted(found, key=len, reverse=True):
        for form in _forms(value):
            text = text.replace(form, f"[{found[value]}]")
    return text


def redact_error(text: str) -> str:
    """As `redact`, and without the password of any address."""
    return _PASSWORD.sub(r"\1:[password]@", redact(text))


def _secrets() -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if name in _expected or _SECRET.search(name):
            yield name, value
        elif "://" in value:
            yield from ((f"password in {name}", unquote(found[2])) for found in _PASSWORD.finditer(value))
    yield from ((name, value) for value, name in _given.items())


@functools.lru_cache(maxsize=256)
def _forms(value: str) -> tuple[str, ...]:
    data = value.encode("utf-8", "surrogateescape")
    forms = {value: None, json.dumps(value)[1:-1]: None, quote(value, safe="", errors="replace"): None}
    forms |= {data.hex(): None, data.hex().upper(): None}
    # in base64 a text looks different at each of three places; its ends depend on what is there
    for before in range(3):
        whole = base64.b64encode(bytes(before) + data)
        inner = whole[(0, 2, 3)[before] : 8 * (before + len(data)) // 6].decode()
        forms |= {inner: None, inner.replace("+", "-").replace("/", "_"): None}
    return tuple(forms)


def _remembered(name: str, value: str) -> str:
    if value:
        _given[value] = name
    return value


def _of_keyring(name: str) -> str:
    try:
        import keyring
        import keyring.errors
    except ModuleNotFoundError:
        return ""
    try:
        return _remembered(name, keyring.get_password(SERVICE, name) or "")
    except keyring.errors.KeyringError:  # no keyring on this machine, or a locked one
        return ""
