"""The app for browsers on this machine: textual-serve below a secret path, for pages of its own origin only.

Whoever can type into the app can do all that its user can. A web page reaches 127.0.0.1 from the user's browser, and
so does every other user of the machine; so each request must name this server in Host (which ends DNS rebinding), come
from no other origin (which ends what RFC 6455, section 10.2, warns of: pages that open WebSockets across origins), and
know the token in the path. A path, and not a cookie, since cookies are shared by all ports of a host (RFC 6265,
section 8.5).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.server import Server

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HOST = "127.0.0.1"
QUIT_S = 5.0
"""How long an app may take to quit, once its browser has gone, before it is killed."""
HEADERS = {
    "Content-Security-Policy": "frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class BrowserServer(Server):
    """Serves `command` at `address`, which holds the token."""

    def __init__(self, command: str, port: int) -> None:
        super().__init__(f"exec {command}", host=HOST, port=port, title="sia")  # exec: no shell stays in between
        self._open: set[web.WebSocketResponse] = set()
        self._token = secrets.token_urlsafe(32)
        self._hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        if port == 80:
            self._hosts |= {HOST, "localhost"}

    @property
    def address(self) -> str:
        """Where a browser finds the app."""
        return f"http://{HOST}:{self.port}/{self._token}/"

    async def _make_app(self) -> web.Application:
        site = web.Application(middlewares=[self._guard])
        site.add_subapp(f"/{self._token}/", await super()._make_app())
        return site

    async def on_startup(self, app: web.Application) -> None:
        """Prints the address."""
        print(f"The app is at\n\n    {self.address}\n")
        print("Whoever has this address can do all that you can: give it to nobody. Ctrl+C ends it.", flush=True)

    async def on_shutdown(self, app: web.Application) -> None:
        """Closes the connections to browsers, which the server would otherwise wait for."""
        for websocket in list(self._open):
            await websocket.close(code=WSCloseCode.GOING_AWAY)

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Runs an app for one browser; it has ended when this returns."""
        websocket = web.WebSocketResponse(heartbeat=15)
        await websocket.prepare(request)
        service = AppService(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=websocket.close,  # type: ignore[arg-type]  # its result is not used
            download_manager=self.download_manager,
        )
        self._open.add(websocket)
        try:
            await service.start(_cells(request, "width", 80), _cells(request, "height", 24))
            await self._process_messages(websocket, service)
        finally:
            self._open.discard(websocket)
            await _end(service)
        return websocket

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if request.host not in self._hosts:
            raise web.HTTPForbidden(text="This server answers to 127.0.0.1 only: open the address that it printed.\n")
        if origin is not None and origin not in {f"http://{host}" for host in self._hosts}:
            raise web.HTTPForbidden(text="Pages of other sites may not use this server.\n")
        if not secrets.compare_digest(request.path.split("/")[1].encode(), self._token.encode()):
            raise web.HTTPForbidden(text="Open the address that `sia serve` printed: it holds a token.\n")
        try:
            response = await handler(request)
        except web.HTTPException as error:
            error.headers.update(HEADERS)
            raise
        if not response.prepared:
            response.headers.update(HEADERS)
        return response


def _cells(request: web.Request, name: str, usual: int) -> int:
    """A size that the browser states."""
    said = request.query.get(name, "")
    return int(said) if said.isdecimal() and len(said) < 5 else usual


async def _end(service: AppService) -> None:
    """Asks the app to quit, and kills one that does not."""
    process = service._process
    try:
        # `wait`, since `stop` swallows its own cancellation
        await asyncio.wait([asyncio.ensure_future(service.stop())], timeout=QUIT_S)
    finally:
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
