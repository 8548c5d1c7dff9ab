"""Keys are handled one after another, however fast they come.

Textual hands a key to the widget that has the focus at that moment, and leaves the rest to the queues of that widget
and its parents. Where several keys come at once (typed ahead, over a slow connection, on a busy machine), those behind
a key that opens a question would reach the screen below it: `/type` would be `t`, `y`, `p` and `e` of the main screen.
So a key waits until the one before it has been handled, with the screen that it opens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from textual.app import App
from textual.dom import DOMNode
from textual.events import Key, Paste
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.widget import Widget
from textual.worker import Worker

_LOOK_S = 0.01
"""Between two looks at what a key has begun."""
_LOOKS = 200
"""What then still has opened no screen (an engine that starts, say) holds up no keys, but where it prepares one."""
_LONGEST_S = 60.0
"""Nothing may hold up the keys for ever."""


class KeyOrder:
    """Hands keys, and pasted text, to `handle`; `opening` says whether an action prepares the screen that it opens."""

    def __init__(
        self, app: App[None], handle: Callable[[Key | Paste], Awaitable[None]], opening: Callable[[], bool]
    ) -> None:
        self._app = app
        self._handle = handle
        self._waiting: deque[Key | Paste] = deque()
        self._task: asyncio.Task[None] | None = None
        self._opening = opening

    @property
    def idle(self) -> bool:
        """Whether all keys so far have been handled."""
        return self._task is None or self._task.done()

    def add(self, key: Key | Paste) -> None:
        """Handles a key as soon as those before it have been handled."""
        self._waiting.append(key)
        if self.idle:
            self._task = asyncio.create_task(self._work())

    async def _work(self) -> None:
        while self._waiting and self._app.is_running:
            screen, actions = self._app.screen, self._actions()
            widget: DOMNode = self._app.focused or screen
            self._app.call_later(self._handle, self._waiting.popleft())
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_S):
                    await self._handled(widget, screen, actions)

    async def _handled(self, widget: DOMNode, screen: Screen[Any], actions: set[Worker[Any]]) -> None:
        """Until a key that `widget` got, while `screen` was shown and `actions` were under way, has been handled."""
        for node in (self._app, *widget.ancestors_with_self):  # the key goes from one's queue to the next one's
            await _turn(node)
        looks = 0
        while self._app.screen is screen and self._actions() - actions and (self._opening() or looks < _LOOKS):
            await asyncio.sleep(_LOOK_S)
            looks += 1
        while self._app.screen is not screen:
            screen = self._app.screen
            await _settled(screen)

    def _actions(self) -> set[Worker[Any]]:
        return {one for one in self._app.workers if one.group == "action" and not one.is_finished}


async def _settled(screen: Screen[Any]) -> None:
    """Until a new screen has all its widgets, has chosen which has the focus, and that one knows it."""
    known: set[DOMNode] = set()
    while new := [one for one in screen.walk_children(with_self=True) if one not in known]:
        known.update(new)
        for one in new:  # a widget makes those within it before anything else
            await _turn(one)
    while (
        screen.is_current and screen.focused is None and any(one.focusable for one in known if isinstance(one, Widget))
    ):
        await asyncio.sleep(_LOOK_S)  # a screen may choose when it is laid out
    if screen.focused is not None:
        await _turn(screen.focused)


async def _turn(node: MessagePump) -> None:
    """Until `node` has handled what it has been sent, or closes, and never comes to its turn."""
    done = asyncio.Event()
    while not done.is_set() and node.call_later(done.set):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), 10 * _LOOK_S)
