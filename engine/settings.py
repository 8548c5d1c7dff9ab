"""What a person has settled for all runs of a workspace: in sia.toml, and over it in the environment.

    agent = "claude"                     $SIA_AGENT=claude
    [budget]
    usd = 5.0                            $SIA_BUDGET__USD=5

A flag of a command overrules both.
 Keys are no settings: they come from the environment or the keyring (`engine.keys`).
"""

from __future__ import annotations

import difflib
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from engine.errors import SiaError

FILE = "sia.toml"
PREFIX = "SIA_"
DEFAULT = "the engine's default"
Kind = Literal["auto", "openai", "vllm", "llamacpp", "ollama", "other"]
Dollars = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Budget(_Part):
    """Caps of a run; None is no cap."""

    evaluations: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    usd: PositiveFloat | None = None
    tokens: PositiveInt | None = None


class Price(_Part):
    """US dollars for a million tokens; what is not given of the cache costs as much as input."""

    input: Dollars
    output: Dollars
    cache_read: Dollars | None = None
    cache_write: Dollars | None = None


class Server(_Part):
    """A server with OpenAI's API: `kind` is what it runs, `key` names the variable or keyring entry of its key."""

    url: str
    kind: Kind = "auto"
    key: str = ""


class Vllm(_Part):
    """How vLLM is started: an interpreter that has it, and further arguments of `vllm serve`."""

    interpreter: Path | None = None
    arguments: tuple[str, ...] = ()
    start_minutes: PositiveFloat = 15.0


class Concurrency(_Part):
    """Calls in flight at once, by backend; a model in this process does one at a time whatever stands here."""

    anthropic: PositiveInt = 4
    openai: PositiveInt = 4
    vllm: PositiveInt = 32


class Settings(BaseSettings):
    """All settings with their defaults. What `sia run` is not told, it takes from here."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter="__", protected_namespaces=()
    )

    agent: str = "search"
    agent_model: str = ""
    model: str = ""
    lever: str = "auto"
    approve: str = "none"
    workers: PositiveInt | None = None
    retries: Annotated[int, Field(ge=0)] = 6
    budget: Budget = Budget()
    concurrency: Concurrency = Concurrency()
    prices: Mapping[str, Price] = {}
    servers: Mapping[str, Server] = {}
    vllm: Vllm = Vllm()

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, *_: Any, **__: Any) -> tuple[Any, ...]:
        return (init_settings,)  # `read` puts the sources together, since it tells where each value came from


class Setting(NamedTuple):
    """One value with the place that it came from."""

    key: str
    value: Any
    origin: str


class Resolved(NamedTuple):
    """The settings, and each of them with its origin in alphabetical order."""

    settings: Settings
    origins: tuple[Setting, ...]


def read(folder: Path) -> Resolved:
    """The settings of the workspace `folder`.

    Raises `SiaError` for a key that does not exist, naming the nearest that does, and for values that are not valid.
    """
    path = folder / FILE
    sources = [
        (DEFAULT, {}),
        (str(path), _file(path)),
        ("environment", EnvSettingsSource(Settings)()),
    ]
    merged: dict[str, Any] = {}
    for origin, values in sources:
        merged = _over(merged, values)
        try:
            settings = Settings(**merged)
        except ValidationError as error:
            raise _refused(error, origin) from None
    return Resolved(settings, tuple(_origins(settings, sources)))


def _file(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SiaError(f"{path} cannot be read ({error})", "correct it, or remove it") from None


def _over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    both = {**below, **above}
    for key in below.keys() & above.keys():
        if isinstance(below[key], dict) and isinstance(above[key], dict):
            both[key] = _over(below[key], above[key])
    return both


def _refused(error: ValidationError, origin: str) -> SiaError:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in ("int", "float", "str"))
    if first["type"] == "extra_forbidden":
        *outer, name = [str(part) for part in first["loc"]]
        known = list(_model_at(outer).model_fields)
        near = difflib.get_close_matches(name, known, 1) or known
        remedy = f"did you mean {near[0]}?" if len(near) == 1 else f"there are {', '.join(near)}"
        return SiaError(f"there is no setting {where} ({origin})", remedy)
    return SiaError(
        f"the setting {where} is not valid: {first['msg']} ({origin})", "`sia config show` lists all settings"
    )


def _model_at(outer: list[str]) -> type[BaseModel]:
    found: Any = Settings
    for part in outer:
        if not (isinstance(found, type) and issubclass(found, BaseModel)):
            found = typing.get_args(found)[-1]  # a table of names: `part` is one of them
            continue
        found = found.model_fields[part].annotation
    model: type[BaseModel] = found
    return model


def _origins(settings: Settings, sources: list[tuple[str, dict[str, Any]]]) -> Iterator[Setting]:
    known = {key: origin for origin, values in sources for key, _ in _flat(values)}
    for key, value in sorted(_flat(settings.model_dump(mode="json"))):
        yield Setting(key, value, known.get(key, sources[0][0]))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
