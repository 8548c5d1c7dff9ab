"""The worker's end of its channels: MessagePack in frames, and the messages that the host sends.

File descriptors are sent with the first byte of a frame (SCM_RIGHTS).
"""

from __future__ import annotations

import mmap
import os
import socket
import threading
from typing import Any

import msgspec

from . import frames
from .context import Instance, Refused
from .harness import plain


class Limits(msgspec.Struct, frozen=True):
    cpu_s: int
    data_bytes: int
    disk_bytes: int
    processes: int
    answer_bytes: int


class Start(msgspec.Struct, frozen=True):
    """The first frame. A slot's scratch folder is `scratch/NUMBER`, that of `prepare` is `scratch/prepare`.

    With a `command` the harness is a program, whose `answer` is a text or JSON. `gateway` says that the model is also
    reached at an address of the loopback.
    """

    folder: str
    entry: str
    folders: dict[str, str]
    scratch: str
    params: dict[str, Any]
    train: list[Instance]
    seed: int
    prepare: Limits
    solve: Limits
    gateway: bool = False
    command: list[str] = []
    answer: str = "text"
    tools: list[dict[str, Any]] = []


class Work(msgspec.Struct, frozen=True):
    """A job as its slot receives it."""

    instance: Instance
    seed: int


class Channel:
    """One end of a stream of frames; thread-safe, one call at a time."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self._lock = threading.Lock()
        self._sending = threading.Lock()  # an answer may be sent while the gateway calls

    def send(self, message: Any) -> None:
        self.send_bytes(encode(message))

    def send_bytes(self, frame: bytes) -> None:
        with self._sending:
            self._socket.sendall(frames.pack(frame))

    def receive(self, kind: Any = Any) -> tuple[Any, list[int]]:
        """The next frame and the descriptors that came with it; raises EOFError."""
        head, fds, _, _ = socket.recv_fds(self._socket, frames.HEAD, 4)
        if not head:
            raise EOFError
        head += frames.exactly(self._socket.recv, frames.HEAD - len(head))
        body = frames.exactly(self._socket.recv, frames.size(head))
        return msgspec.msgpack.decode(body, type=kind), fds

    def call(self, op: str, payload: Any) -> Any:
        with self._lock:
            self.send(["call", op, payload])
            (kind, value), _ = self.receive()
        if kind == "refused":
            raise Refused(value)
        return value

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._socket.close()


class Line:
    """`ctx.line`: the grader's orders, our replies, and memory that both share."""

    def __init__(self, end: int, memory: int) -> None:
        self._channel = Channel(socket.socket(fileno=end))
        self.memory = mmap.mmap(memory, 0)
        os.close(memory)
        self._channel.send("here")  # the grader gets our pid from the kernel

    def order(self) -> Any:
        """The next order; raises EOFError once the grader has closed the line."""
        return self._channel.receive()[0]

    def reply(self, value: Any) -> None:
        """Replies to the last order."""
        self._channel.send(value)


def encode(message: Any) -> bytes:
    return msgspec.msgpack.encode(message, enc_hook=plain)
