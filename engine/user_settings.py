"""A user's settings: their own sia.toml, overridden by the workspace's, overridden by the environment.

    agent = "claude"                     $SIA_AGENT=claude
    [budget]
    usd = 5.0                            $SIA_BUDGET__USD=5

A command's flag overrides all three. A workspace may come from anyone, so only the user's own file may name programs,
keys, and the addresses that keys are sent to. API keys are not settings: they come from the environment or the keyring
(`engine.keys`).
"""

from __future__ import annotations

import difflib
import stat
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from engine import containment
from engine.errors import SiaError
from engine.setting_values import Count, Dollars, NonNegativeCount, Positive, Text, sentence
from engine.user_path import expanded

FILE = "sia.toml"
PREFIX = "SIA_"
DEFAULT = "the engine's default"
OWN_ONLY = ("servers", "vllm")
"""Tables that a workspace may not have."""
Kind = Literal["auto", "openai", "vllm", "llamacpp", "llama-server", "ollama", "other"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BudgetSettings(_Section):
    """Caps on a run; None is no cap."""

    evaluations: Count | None = None
    minutes: Positive | None = None
    usd: Positive | None = None
    tokens: Count | None = None


class Price(_Section):
    """US dollars for a million tokens; a cache price that is not given equals the price of input."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None


class ModelFacts(_Section):
    """What a model can do, where the table of known models is wrong or has no row: see `engine.models.known_models`."""

    forces: bool | None = None
    samples: bool | None = None
    wire: Literal["chat", "responses"] | None = None
    output: Count | None = None
    window: Count | None = None
    effort: Text | None = None


class Server(_Section):
    """A server with OpenAI's API. `kind` is its software, `key` the variable or keyring entry that holds its key."""

    url: Text
    kind: Kind = "auto"
    key: Text = ""


class Vllm(_Section):
    """How vLLM is started: a Python interpreter that has it, and extra arguments for `vllm serve`."""

    interpreter: Annotated[Path, AfterValidator(expanded)] | None = None
    arguments: tuple[str, ...] = ()
    start_minutes: Positive = 15.0


class Concurrency(_Section):
    """The most concurrent calls by backend. A model in this process always handles one at a time."""

    anthropic: Count = 64
    openai: Count = 64
    vllm: Count = 256


class UserSettings(BaseSettings):
    """All settings with their defaults. `sia run` uses them where no flag is given."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", protected_namespaces=()
    )

    agent: Text = "search"
    agent_model: Text = ""
    model: Text = ""
    lever: Text = "auto"
    trainer: Text = "auto"
    approve: Text = "jumps"
    workers: Count | None = None
    retries: NonNegativeCount = 6
    patience: Positive = 15.0
    """Minutes for which a call that is refused under a rate limit is sent again."""
    budget: BudgetSettings = BudgetSettings()
    concurrency: Concurrency = Concurrency()
    prices: Mapping[str, Price] = {}
    models: Mapping[str, ModelFacts] = {}
    servers: Mapping[str, Server] = {}
    vllm: Vllm = Vllm()

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, *_: Any, **__: Any) -> tuple[Any, ...]:
        return (init_settings,)  # `read` merges the sources, since it records the origin of each value


class SettingOrigin(NamedTuple):
    """A setting's value and where it comes from."""

    key: str
    value: Any
    origin: str


class ResolvedSettings(NamedTuple):
    """The settings, and the origin of each in alphabetical order."""

    settings: UserSettings
    origins: tuple[SettingOrigin, ...]


def read(folder: Path) -> ResolvedSettings:
    """The settings in the workspace `folder`.

    Raises `SiaError` for an unknown key, naming the closest known one, for an invalid value, and for a table of
    `OWN_ONLY` in the workspace.
    """
    path = containment.inside(folder, FILE)
    return _resolve([(str(path), _of_workspace(path))])


def own() -> UserSettings:
    """The user's own settings, without those of any workspace; raises `SiaError`."""
    return _resolve([]).settings


def _resolve(between: list[tuple[str, dict[str, Any]]]) -> ResolvedSettings:
    """The settings, with those of the sources `between` the user's file and the environment."""
    sources = [
        (DEFAULT, {}),
        (str(own_file()), _read_file(own_file())),
        *between,
        ("environment", EnvSettingsSource(UserSettings)()),
    ]
    merged: dict[str, Any] = {}
    for origin, values in sources:
        merged = _merge(merged, values)
        try:
            settings = UserSettings(**merged)
        except ValidationError as error:
            raise _invalid(error, origin) from None
    return ResolvedSettings(settings, tuple(_origins(settings, sources)))


def own_file() -> Path:
    """The file of the user's own settings, for all workspaces."""
    import platformdirs

    return platformdirs.user_config_path("sia") / FILE


def _of_workspace(path: Path) -> dict[str, Any]:
    values = _read_file(path)
    for table in OWN_ONLY:
        if table in values:
            raise SiaError(
                f"{path} has [{table}], which may name programs and keys, and a workspace may come from anyone",
                f"move [{table}] to your own settings, {own_file()}",
            )
    return values


def _read_file(path: Path) -> dict[str, Any]:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SiaError(f"{path} is no file", "replace it with a file, or remove it")
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SiaError(f"{path} cannot be read ({error})", "correct it, or remove it") from None


def _merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = _merge(below[key], above[key])
    return both


def _invalid(error: ValidationError, origin: str) -> SiaError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("int", "float", "str"))
    if first["type"] == "extra_forbidden":
        *outer, name = [str(part) for part in first["loc"]]
        known = list(_model_at(outer).model_fields)
        near = difflib.get_close_matches(name, known, 1) or known
        remedy = f"did you mean {near[0]}?" if len(near) == 1 else f"the settings are {', '.join(near)}"
        return SiaError(f"there is no setting {where} ({origin})", remedy)
    return SiaError(f"the setting {where} is not valid: {sentence(first)} ({origin})", "correct it there")


def _model_at(outer: list[str]) -> type[BaseModel]:
    found: Any = UserSettings
    for part in outer:
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            found = typing.get_args(found)[-1]  # a table: `part` is a name in it
            continue
        found = found.model_fields[part].annotation
    model: type[BaseModel] = found
    return model


def _origins(settings: UserSettings, sources: list[tuple[str, dict[str, Any]]]) -> Iterator[SettingOrigin]:
    known = {key: origin for origin, values in sources for key, _ in _flatten(values)}
    for key, value in sorted(_flatten(settings.model_dump(mode="json"))):
        yield SettingOrigin(key, value, known.get(key, sources[0][0]))


def _flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
