"""Every secret that the engine knows is replaced, wherever it came from and however it was written."""

from __future__ import annotations

import base64
import json
import sys
import types
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from engine import keys

SECRET = 'sk/very+secret "4711"'  # noqa: S105 - made up


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(keys, "_given", {})
    monkeypatch.setattr(keys, "_expected", set())
    yield


def with_keyring(monkeypatch: pytest.MonkeyPatch, **kept: str) -> None:
    module = types.ModuleType("keyring")
    errors = types.ModuleType("keyring.errors")
    errors.KeyringError = OSError  # type: ignore[attr-defined]
    module.errors = errors  # type: ignore[attr-defined]
    module.get_password = lambda service, name: kept.get(name)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)


@pytest.mark.parametrize("ask", [keys.key, keys.origin])
def test_a_key_from_the_keyring(monkeypatch: pytest.MonkeyPatch, ask: object) -> None:
    with_keyring(monkeypatch, MINE=SECRET)
    assert ask("MINE")  # type: ignore[operator]
    assert keys.redact(f"a {SECRET} b") == "a [MINE] b"


def test_a_key_that_was_asked_for_whatever_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE", SECRET)
    assert keys.redact(SECRET) == SECRET
    assert keys.key("HOUSE") == SECRET
    assert keys.redact(SECRET) == "[HOUSE]"
    monkeypatch.delenv("HOUSE")
    assert keys.redact(SECRET) == "[HOUSE]"


def test_a_key_that_the_settings_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOUSE", SECRET)
    keys.expect(["HOUSE", ""])
    assert keys.redact(SECRET) == "[HOUSE]"


@pytest.mark.parametrize(
    "name", ["SOME_API_KEY", "MY_KEY", "AWS_SECRET_ACCESS_KEY", "HF_TOKEN", "DB_PASSWORD", "github_pat", "SECRET"]
)
def test_a_variable_that_says_so(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, SECRET)
    assert keys.redact(SECRET) == f"[{name}]"


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "PIP_INDEX_URL"])
def test_a_password_in_an_address(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, f"https://me:{quote(SECRET, safe='')}@example.org/simple")
    assert keys.redact(f"{SECRET} or {quote(SECRET, safe='')}") == f"[password in {name}] or [password in {name}]"


def test_any_address_in_an_error_loses_its_password() -> None:
    said = "the connection to http://me:hunter2hunter2@example.org/v1 broke"
    assert keys.redact_error(said) == "the connection to http://me:[password]@example.org/v1 broke"
    assert keys.redact_error("http://example.org:8000/a@b") == "http://example.org:8000/a@b"


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        quote(SECRET, safe=""),
        SECRET.encode().hex(),
        *(base64.b64encode(b"x" * n + SECRET.encode() + b"y" * m).decode() for n in range(4) for m in range(4)),
        base64.urlsafe_b64encode(b"user:" + SECRET.encode()).decode(),
    ],
)
def test_a_secret_in_another_form(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    monkeypatch.setenv("MY_KEY", SECRET)
    assert "[MY_KEY]" in keys.redact(f"said: {written}.")


def test_short_values_and_other_words_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "answers")
    monkeypatch.setenv("MONKEY", "a long value")
    assert keys.redact("answers, and a long value") == "answers, and a long value"


def test_the_longer_of_two_secrets_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_KEY", "sk-12345678")
    monkeypatch.setenv("B_KEY", "sk-12345678-and-more")
    assert keys.redact("sk-12345678-and-more") == "[B_KEY]"
