"""What a running server with OpenAI's API is, and which models it serves."""

from __future__ import annotations

from typing import Any, NamedTuple

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


OLLAMA_WINDOW = 4096
"""Ollama's window on a machine with less than 24 GiB of GPU memory: docs/context-length.mdx of its repository, 2026."""


async def window_of(kind: str, url: str, model: str, key: str = "", timeout_s: float = 10) -> int:
    """How many tokens prompt and reply have together on a running server; 0 where it does not tell.

    Ollama says it of a model that is loaded (`/api/ps`); of another one, `/api/show` has its `num_ctx`. llama-server
    has it in `/props`.
    """
    if kind not in ("ollama", "llama-server"):
        return 0
    import httpx2

    base = url.rstrip("/").removesuffix("/v1")
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        async with httpx2.AsyncClient(headers=headers, timeout=timeout_s) as http:
            if kind == "llama-server":
                return _count((await http.get(f"{base}/props")).json()["default_generation_settings"]["n_ctx"])
            for loaded in (await http.get(f"{base}/api/ps")).json().get("models") or ():
                if model in (loaded.get("name"), loaded.get("model")):
                    return _count(loaded.get("context_length"))
            shown = (await http.post(f"{base}/api/show", json={"model": model})).json().get("parameters") or ""
            set_ = [line.split()[1] for line in shown.splitlines() if line.split()[:1] == ["num_ctx"]]
            return _count(set_[-1]) if set_ else OLLAMA_WINDOW
    except (httpx2.HTTPError, ValueError, AttributeError, TypeError, LookupError):
        return 0


def _count(value: Any) -> int:
    return max(0, int(value or 0))
