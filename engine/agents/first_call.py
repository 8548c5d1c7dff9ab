"""One small call of an agent, before anything rests on it: it answers, or an error says what is wrong with it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine import keys
from engine.agents.offers import Offer
from engine.clients import errand, installed
from engine.clients.client import Client
from engine.clients.enclosure import Enclosure, check
from engine.clients.table import client_of
from engine.errors import SiaError
from engine.models import catalog
from engine.models.prices import usd
from engine.models.protocol import Message, PermanentError, Request, RetryableError
from engine.models.receipt import received
from engine.sandbox import Isolation
from engine.user_settings import UserSettings

_ASKED = "Reply with the single word ready. Read nothing and change nothing."
_MOST_TOKENS = 512
_CAPS = errand.Caps(minutes=3, tokens=100_000)
_SHOWN = 60


class Answered(msgspec.Struct, frozen=True):
    """The beginning of the text, wall seconds, and where they are told tokens (else 0) and US dollars (else None)."""

    text: str
    seconds: float
    tokens: int
    usd: float | None


async def call(
    offer: Offer, settings: UserSettings, isolation: Isolation, report: Callable[[str], None] = lambda _: None
) -> Answered | None:
    """Calls the agent once; None for one that asks no model. Raises `SiaError`."""
    if (client := client_of(offer.agent)) is not None:
        return await _of_client(client, offer.model, isolation)
    return await _of_model(offer.model, settings, report) if offer.model else None


async def _of_model(reference: str, settings: UserSettings, report: Callable[[str], None]) -> Answered:
    parsed = catalog.parse(reference)
    model = await catalog.open_model(parsed, settings, report=report)
    began = time.monotonic()
    try:
        question = Request(model.weights, [Message("user", _ASKED)], max_tokens=_MOST_TOKENS)
        reply = received(await model.chat(question))
    except PermanentError as error:
        raise SiaError(keys.redact_error(f"{reference} refuses a call: {error}"), error.remedy) from None
    except RetryableError as error:
        raise SiaError(keys.redact_error(f"{reference} gives no reply: {error}"), "try again later") from None
    finally:
        await model.close()
    price, used = catalog.price(parsed, settings), reply.usage
    paid = reply.usd if reply.usd is not None else usd(price, used) if price and used.total else None
    return Answered(_beginning(reply.text), round(time.monotonic() - began, 1), used.total, paid)


async def _of_client(client: Client, model: str, isolation: Isolation) -> Answered:
    check(client, isolation)
    with tempfile.TemporaryDirectory() as desk, tempfile.TemporaryDirectory() as line:
        place = Enclosure(isolation, Path(desk), Path(line))
        ended = await errand.run(client, installed.find(client), place, _ASKED, model, _CAPS)
    if ended.failure:
        remedy = client.login if ended.logged_out else f"try `{client.program}` by itself"
        raise SiaError(ended.failure.message, remedy)
    return Answered(_beginning(ended.reading.text), ended.wall_s, ended.reading.new_tokens, ended.reading.usd)


def _beginning(text: str) -> str:
    return " ".join(text.split())[:_SHOWN]
