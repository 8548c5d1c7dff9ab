"""The app in a browser answers to whoever has its address, and to no page of another site."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest
from aiohttp import ClientSession, WSCloseCode, WSServerHandshakeError, web

from sia_tui.cli.processes import browser_server
from sia_tui.cli.processes.browser_server import BrowserServer

QUIET = "sleep 60"


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser_server, "QUIT_S", 0.1)


@asynccontextmanager
async def running() -> AsyncIterator[tuple[BrowserServer, ClientSession]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = BrowserServer(QUIET, port)
    runner = web.AppRunner(await server._make_app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        async with ClientSession() as client:
            yield server, client
    finally:
        await runner.cleanup()


async def status(client: ClientSession, url: str, **headers: str) -> int:
    async with client.get(url, headers=headers) as response:
        return response.status


async def upgraded(client: ClientSession, url: str, **headers: str) -> int:
    """The status of a WebSocket handshake; 101 where it was accepted."""
    try:
        async with client.ws_connect(url, headers=headers):
            return 101
    except WSServerHandshakeError as error:
        return error.status


def test_whoever_has_the_address_has_the_app() -> None:
    async def go() -> None:
        async with running() as (server, client):
            async with client.get(server.address) as page:
                text = await page.text()
                assert page.status == 200
                assert page.headers["Referrer-Policy"] == "no-referrer"
                assert page.headers["X-Frame-Options"] == "DENY"
            socket_address = f"{server.address}ws".replace("http:", "ws:")
            assert socket_address in text
            assert f"{server.address}static/" in text
            assert await status(client, f"{server.address}static/css/xterm.css") == 200
            assert await upgraded(client, socket_address) == 101
            assert await upgraded(client, socket_address, Origin=f"http://127.0.0.1:{server.port}") == 101

    asyncio.run(go())


@pytest.mark.parametrize(
    "path", ["", "ws", "static/css/xterm.css", "download/x", "wrong/", "wrong/ws", "%C3%A4/ws", "/"]
)
def test_without_the_token_there_is_nothing(path: str) -> None:
    async def go() -> None:
        async with running() as (server, client):
            assert await status(client, f"http://127.0.0.1:{server.port}/{path}") == 403
            assert await upgraded(client, f"http://127.0.0.1:{server.port}/{path}") == 403

    asyncio.run(go())


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", "http://127.0.0.1"]
)
def test_a_page_of_another_site_is_refused_even_with_the_token(origin: str) -> None:
    async def go() -> None:
        async with running() as (server, client):
            foreign = origin.format(port=server.port)
            assert await status(client, server.address, Origin=foreign) == 403
            assert await upgraded(client, f"{server.address}ws", Origin=foreign) == 403

    asyncio.run(go())


@pytest.mark.parametrize(
    "host", ["evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1", "[::1]:{port}", "x"]
)
def test_a_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    """DNS rebinding: the attacker's page is of its own origin, whose name has become that of 127.0.0.1."""

    async def go() -> None:
        async with running() as (server, client):
            name = host.format(port=server.port)
            assert await status(client, server.address, Host=name) == 403
            assert await upgraded(client, f"{server.address}ws", Host=name, Origin=f"http://{name}") == 403

    asyncio.run(go())


def test_an_app_ends_with_its_page_and_with_the_server() -> None:
    def apps() -> list[psutil.Process]:
        return [one for one in psutil.Process().children() if one.name() == "sleep"]

    async def go() -> None:
        browser = ClientSession()
        async with running() as (server, client):
            url = f"{server.address}ws"
            async with client.ws_connect(url), client.ws_connect(f"{url}?width=x&height=99999"):
                while len(apps()) < 2:
                    await asyncio.sleep(0.01)
            while apps():
                await asyncio.sleep(0.01)
            left_open = await browser.ws_connect(url)
            while not apps():
                await asyncio.sleep(0.01)
        assert apps() == []
        assert (await left_open.receive()).data == WSCloseCode.GOING_AWAY
        await browser.close()

    asyncio.run(asyncio.wait_for(go(), 20))


def test_tokens_differ() -> None:
    assert BrowserServer(QUIET, 1).address != BrowserServer(QUIET, 1).address
