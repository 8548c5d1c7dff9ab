"""The gateway's server: one thread that reads requests from any number of connections and answers one after the other.

A channel carries one call at a time, so that calls have positions; requests are called in the order in which they are
whole. A reply is sent when the model has answered, a stream all at once.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from ..context import Refused
from ..frames import CALL_BYTES
from . import chat_completions, http, messages, responses
from .asked import Asked, Reply, Unfit
from .thoughts import Thoughts

MOST_CONNECTIONS = 64
_ROOM = 64 << 10  # of a frame for what is not the request
MOST_BODY = CALL_BYTES - _ROOM
"""Bytes of a request, and of the call that is made of it."""
_PART = 1 << 16
_JSON, _EVENTS = "application/json", "text/event-stream; charset=utf-8"
Call = Callable[[str, Any], Any]


class Form(NamedTuple):
    """A wire form."""

    read: Callable[[bytes], Asked]
    whole: Callable[[Sequence[Reply], Asked, int], bytes]
    streamed: Callable[[Sequence[Reply], Asked, int], Iterator[bytes]]
    error: Callable[[str, str], dict[str, Any]]


class Gateway:
    """Answers requests on 127.0.0.1 by `call`, from `start` until `close`.

    `port` is wished for: another one is taken where it is in use, which happens only without a sandbox. `refused` says
    that the last call was refused.
    """

    def __init__(self, call: Call, port: int = 0) -> None:
        self._listener = _listen(port)
        self.port: int = self._listener.getsockname()[1]
        self.refused = False
        self._call = call
        self._number = 0
        self._kept: responses.Kept = {}
        self._thoughts = Thoughts()
        self._connections: dict[socket.socket, _Connection] = {}  # the one that was used last comes last
        self._selector = selectors.DefaultSelector()
        self._stopped, self._stop = os.pipe()
        self._thread = threading.Thread(target=self._serve, name="model-gateway", daemon=True)
        completions = Form(
            chat_completions.read, chat_completions.whole, chat_completions.streamed, chat_completions.error
        )
        self._forms = {
            "/chat/completions": completions,
            "/responses": Form(
                lambda body: responses.read(body, self._kept),
                responses.whole,
                responses.streamed,
                chat_completions.error,
            ),
            "/messages": Form(messages.read, messages.whole, messages.streamed, messages.error),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which the vendors' SDKs find the gateway. Their keys open nothing.

        LiteLLM would try for some seconds to fetch its list of prices.
        """
        url = f"http://127.0.0.1:{self.port}"
        addresses = {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BASE_URL": url}
        keys = {"OPENAI_API_KEY": "none", "ANTHROPIC_API_KEY": "none"}
        return {**addresses, **keys, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, once a call that it makes has been answered, and closes every socket."""
        os.close(self._stop)
        self._thread.join()
        for end in (self._listener, *self._connections):
            end.close()
        self._selector.close()
        os.close(self._stopped)

    def _serve(self) -> None:
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._stopped, selectors.EVENT_READ)
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionError):  # the engine has ended
            while True:
                for key, _ in self._selector.select():
                    if key.fileobj == self._stopped:
                        return
                    if key.fileobj is self._listener:
                        self._accept()
                    elif (connection := self._connections.get(key.fileobj)) is not None:  # type: ignore[call-overload]
                        self._advance(connection)

    def _accept(self) -> None:
        try:
            end, _ = self._listener.accept()
        except OSError:  # the client has gone, or there is no descriptor left
            self._drop_oldest()
            time.sleep(0.01)
            return
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if len(self._connections) >= MOST_CONNECTIONS:
            self._drop_oldest()
        self._connections[end] = _Connection(end)
        self._selector.register(end, selectors.EVENT_READ)

    def _drop_oldest(self) -> None:
        """Drops a connection that carries nothing, else the one that was used the longest ago."""
        idle = (one for one in self._connections.values() if one.is_idle)
        if (oldest := next(idle, next(iter(self._connections.values()), None))) is not None:
            self._drop(oldest)

    def _drop(self, connection: _Connection) -> None:
        del self._connections[connection.end]
        self._selector.unregister(connection.end)
        connection.end.close()

    def _advance(self, connection: _Connection) -> None:
        """Sends what is to be sent; then reads, and answers what is whole."""
        self._connections[connection.end] = self._connections.pop(connection.end)
        if not connection.send() or (not connection.unsent and not connection.receive()):
            self._drop(connection)
            return
        while not connection.unsent:
            try:
                request = connection.reader.take()
            except http.Malformed as error:
                body = msgspec.json.encode(chat_completions.error(str(error), "invalid_request_error"))
                connection.unsent += http.reply(error.status, _JSON, body, keeps=False)
                connection.ends = True
                request = None
            if request is None and not connection.unsent:
                if connection.reader.is_expected():
                    connection.unsent += http.CONTINUE
                else:
                    break
            if request is not None:
                if connection.has_gone():  # a client that waits no longer would pay for a reply that nobody reads
                    self._drop(connection)
                    return
                status, kind, body = self._answer(request)
                connection.ends = not request.keeps
                connection.unsent += http.reply(status, kind, body, keeps=request.keeps)
            if not connection.send():
                self._drop(connection)
                return
        wanted = selectors.EVENT_WRITE if connection.unsent else selectors.EVENT_READ
        if self._selector.get_key(connection.end).events != wanted:
            self._selector.modify(connection.end, wanted)

    def _answer(self, request: http.Request) -> tuple[int, str, bytes]:
        """Status, media type and body of the reply."""
        path = request.path.rstrip("/").removeprefix("/v1")
        if request.method in ("GET", "HEAD"):
            return self._about(path, request.method)
        form = self._forms.get(path) if request.method == "POST" else None
        if form is None:
            served = ", ".join(f"/v1{name}" for name in self._forms)
            message = f"{request.method} {request.path} is not served here; POST to {served}"
            return 404, _JSON, msgspec.json.encode(chat_completions.error(message, "not_found_error"))
        try:
            return 200, *self._asked(form, form.read(request.body))
        except Refused as error:
            self.refused = True
            return 403, _JSON, msgspec.json.encode(form.error(str(error), "permission_error"))
        except (Unfit, msgspec.MsgspecError, UnicodeError, RecursionError, OverflowError) as error:
            message = str(error) if isinstance(error, Unfit) else f"the request is not valid: {error}"
        return 400, _JSON, msgspec.json.encode(form.error(message, "invalid_request_error"))

    def _asked(self, form: Form, asked: Asked) -> tuple[str, bytes]:
        """Media type and body of the reply to a valid request; raises `Refused`, and `Unfit` if it is too big."""
        self._thoughts.give_back(asked.chat["messages"])
        size = len(msgspec.msgpack.encode(asked.chat))
        if size > MOST_BODY:
            raise Unfit(f"the call takes {size} bytes, more than the {MOST_BODY} allowed")
        chat = asked.chat | ({"tokens": True} if asked.logprobs or asked.token_ids else {})
        replies = [self._call("model.chat", chat) for _ in range(asked.count)]
        self.refused = False
        self._number += 1
        for reply in replies:
            self._thoughts.keep(reply)
        if form is self._forms["/responses"]:
            responses.keep(self._kept, asked, replies[0], self._number)
        if asked.stream:
            return _EVENTS, b"".join(form.streamed(replies, asked, self._number))
        return _JSON, form.whole(replies, asked, self._number)

    def _about(self, path: str, method: str) -> tuple[int, str, bytes]:
        """The list of models, which has one, and an empty page at the root."""
        model = {"id": "task-model", "object": "model", "type": "model", "created": 0, "owned_by": "run"}
        known = {"": b"", "/models": msgspec.json.encode({"object": "list", "data": [model], "has_more": False})}
        if path not in known:
            error = chat_completions.error(f"{method} {path} is not served here", "not_found_error")
            return 404, _JSON, b"" if method == "HEAD" else msgspec.json.encode(error)
        return 200, _JSON, b"" if method == "HEAD" else known[path]


class _Connection:
    """A client's connection: what has arrived of its next request, and what is left to send of the last reply."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.reader = http.Reader(MOST_BODY)
        self.unsent = bytearray()
        self.ends = False

    @property
    def is_idle(self) -> bool:
        """Whether it carries nothing."""
        return self.reader.is_empty and not self.unsent

    def receive(self) -> bool:
        """Reads what is there; false at the end of the connection."""
        try:
            data = self.end.recv(_PART)
            self.reader.feed(data)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return bool(data)

    def send(self) -> bool:
        """Sends what can be sent at once; false at the end of the connection."""
        try:
            while self.unsent:
                del self.unsent[: self.end.send(self.unsent)]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return not self.ends

    def has_gone(self) -> bool:
        """Whether the client has closed the connection."""
        try:
            return not self.end.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True


def _listen(port: int) -> socket.socket:
    for wished in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", wished))
            listener.listen(128)
        except OSError:
            listener.close()
            if not wished:
                raise
        else:
            listener.setblocking(False)
            return listener
    raise AssertionError
