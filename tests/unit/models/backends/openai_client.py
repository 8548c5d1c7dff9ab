"""A client of a faked server with OpenAI's API, for one test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from engine.models.backends.quirks import QUIRKS
from engine.models.protocol import Message, Request, Tool
from tests.fakes.openai_server import OpenAIServer

pytest.importorskip("httpx2", reason="needs the extra agents")

from engine.models.backends.openai import OpenAI

T = TypeVar("T")
KINDS = list(QUIRKS)
MESSAGES = [Message("system", "Be brief."), Message("user", "What is seven times six?")]
LONG = "a rather long reply that takes many events"
TOOL = Tool("look", "Look at a case.", {"type": "object"})


def request(**more: Any) -> Request:
    return Request("m", MESSAGES, **more)


def using(server: OpenAIServer, kind: str, do: Callable[[OpenAI], Awaitable[T]], **more: Any) -> T:
    async def go() -> T:
        model = OpenAI(more.pop("name", "m"), f"{server.url}/v1", kind=kind, **more)
        try:
            return await do(model)
        finally:
            await model.close()

    return asyncio.run(go())
