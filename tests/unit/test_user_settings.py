"""A user's settings: sia.toml, overridden by the environment; validated, and each with its origin."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.errors import SiaError
from engine.user_settings import DEFAULT, FILE, UserSettings, own_file, read

TOML = """
agent = "claude"
retries = 3

[budget]
usd = 5.0
minutes = 30

[prices."my-model"]
input = 1.5
output = 6
"""
OWN = """
retries = 1
lever = "harness"

[servers.here]
url = "http://127.0.0.1:8080/v1"
kind = "llamacpp"
"""


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The user's own settings: none yet, and none in the environment."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    for name in os.environ:
        if name.startswith("SIA_"):
            monkeypatch.delenv(name)
    own_file().parent.mkdir(parents=True)
    return own_file()


def test_each_source_overrules_the_one_below_key_by_key(
    workspace: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.write_text(OWN)
    (workspace / FILE).write_text(TOML)
    monkeypatch.setenv("SIA_RETRIES", "9")
    monkeypatch.setenv("SIA_BUDGET__USD", "2.5")
    settings, rows = read(workspace)
    assert (settings.agent, settings.retries, settings.lever) == ("claude", 9, "harness")
    assert (settings.budget.usd, settings.budget.minutes) == (2.5, 30.0)
    origins = {row.key: row.origin for row in rows}
    assert origins["agent"] == origins["prices.my-model.input"] == str(workspace / FILE)
    assert origins["servers.here.url"] == origins["lever"] == str(own)
    assert origins["budget.minutes"] == str(workspace / FILE)
    assert origins["retries"] == origins["budget.usd"] == "environment"
    assert origins["workers"] == origins["budget.tokens"] == DEFAULT


def test_without_any_source_all_is_as_the_class_says(workspace: Path) -> None:
    settings, rows = read(workspace)
    assert settings == UserSettings()
    assert {row.origin for row in rows} == {DEFAULT}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("agnet = 'search'", "no setting agnet .*did you mean agent"),
        ("budget = { usdd = 1 }", "no setting budget.usdd .*did you mean usd"),
        ("anthropic_api_key = 'secret'", "no setting anthropic_api_key"),
        ("workers = 0", "setting workers is not valid: it must be at least 1"),
        ("workers = true", "setting workers is not valid: it must be a number, not true or false"),
        ("budget = { usd = true, minutes = true }", "must be a number, not true or false"),
        ("budget = { usd = inf }", "must be a finite number"),
        ("budget = { usd = nan }", "must be a finite number"),
        ("patience = nan", "must be a finite number"),
        ("patience = inf", "must be a finite number"),
        ("retries = 99999999999999999999999", "must be at most 9223372036854775807"),
        ("budget = { tokens = 99999999999999999999999 }", "must be at most 9223372036854775807"),
        ("workers = 1.5", "must be a whole number"),
        ("workers = []", "must be a whole number"),
        ("budget = 5", "setting budget is not valid: it must be a table"),
        ("agent = 5", "must be text"),
        ("models = { m = { samples = 'perhaps' } }", "must be true or false"),
        ("budget = { usd = -1 }", "setting budget.usd is not valid"),
        ("prices = { m = { input = 1 } }", "setting prices.m.output is not valid"),
        ("= 1", "cannot be read"),
    ],
)
def test_a_mistake_is_named_with_its_place(workspace: Path, text: str, says: str) -> None:
    (workspace / FILE).write_text(text)
    with pytest.raises(SiaError, match=says) as caught:
        read(workspace)
    assert FILE in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("servers = { a = { url = 'x', knd = 'vllm' } }", "no setting servers.a.knd .*did you mean kind"),
        ("servers = { a = { url = 'x', kind = 'y' } }", "setting servers.a.kind is not valid"),
    ],
)
def test_a_mistake_in_the_users_own_settings_is_said_to_be_there(
    workspace: Path, own: Path, text: str, says: str
) -> None:
    own.write_text(text)
    with pytest.raises(SiaError, match=says) as caught:
        read(workspace)
    assert str(own) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "[vllm]\ninterpreter = '/tmp/anything'",
        "[vllm]\narguments = ['--middleware=theirs']",
        "[vllm]",
        "[servers.here]\nurl = 'http://elsewhere/v1'",  # the user's own key would go there
        "[servers.x]\nurl = 'http://elsewhere/v1'\nkey = 'AWS_SECRET_ACCESS_KEY'",
    ],
)
def test_a_workspace_names_no_program_no_key_and_no_server(workspace: Path, own: Path, text: str) -> None:
    own.write_text("[servers.here]\nurl = 'http://127.0.0.1:1/v1'\nkey = 'MY_KEY'")
    (workspace / FILE).write_text(text)
    with pytest.raises(SiaError, match=r"a workspace may come from anyone.*to your own settings") as caught:
        read(workspace)
    assert str(own) in caught.value.remedy


def test_a_mistake_in_the_environment_is_said_to_be_there(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_RETRIES", "many")
    with pytest.raises(SiaError, match=r"retries is not valid.*\(environment\)"):
        read(workspace)


def test_text_that_is_not_utf_8_is_no_setting(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_AGENT", "\udcff")
    with pytest.raises(SiaError, match=r"agent is not valid: it is text that is not UTF-8 \(environment\)") as caught:
        read(workspace)
    assert str(caught.value).isprintable()


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(workspace: Path, own: Path) -> None:
    os.mkfifo(own)
    with pytest.raises(SiaError, match="is no file"):
        read(workspace)
    own.unlink()
    os.mkfifo(workspace / FILE)
    with pytest.raises(SiaError, match="is neither a file nor a folder"):
        read(workspace)


def test_the_places_of_sia_itself_are_no_settings(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIA_WORKSPACE", str(workspace))
    monkeypatch.setenv("SIA_CACHE", str(workspace))
    assert read(workspace).settings == UserSettings()
