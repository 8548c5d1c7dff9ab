"""What a running server with OpenAI's API is, and which models it serves."""

from __future__ import annotations

from typing import NamedTuple

from engine.errors import SiaError
from engine.models.backends.quirks import OWNERS
from engine.models.extras import missing_package


class Served(NamedTuple):
    """A server's kind, a key of `QUIRKS`, and the names of its models."""

    kind: str
    models: tuple[str, ...]


async def served(url: str, key: str = "", timeout_s: float = 10) -> Served:
    """What the server at `url` serves; its kind by the owner of its models. Raises `SiaError` if none answers."""
    try:
        import httpx2
    except ModuleNotFoundError:
        raise missing_package("httpx2", "agents") from None
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        async with httpx2.AsyncClient(headers=headers, timeout=timeout_s) as http:
            response = await http.get(f"{url.rstrip('/')}/models")
            listed = response.json().get("data") or ()
            owners = [model.get("owned_by") for model in listed]
            names = tuple(str(model["id"]) for model in listed if model.get("id"))
    except httpx2.HTTPError as error:
        raise SiaError(f"no server answers at {url} ({type(error).__name__})", "start it, or correct the URL") from None
    except (ValueError, AttributeError, TypeError):
        return Served("other", ())
    return Served(OWNERS.get(owners[0] if owners else "", "other"), names)


async def kind_of(url: str, key: str = "") -> str:
    """The kind of the server at `url`; raises `SiaError` if none answers."""
    return (await served(url, key)).kind
