"""In the evaluator's process: imports of the candidate's program give a stand-in, which calls the program elsewhere.

The stand-in has the program's functions and plain values. A request goes over a socket to whoever started this
process. The random generators follow: if the evaluator has seeded or used them since the last call, the program gets
their state.
"""

from __future__ import annotations

import importlib.abc
import importlib.util
import os
import random
import socket
import sys
import threading
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from frames import HEAD, exactly, pack, size
from plain_values import dumps, loads

_ERRORS: dict[str, type[Exception]] = {
    known.__name__: known
    for known in (
        *(ArithmeticError, AssertionError, AttributeError, FloatingPointError, ImportError, IndexError, KeyError),
        *(LookupError, MemoryError, ModuleNotFoundError, NameError, NotImplementedError, OverflowError, RecursionError),
        *(TimeoutError, TypeError, ValueError, ZeroDivisionError),
    )
}


def send(line: socket.socket, text: str) -> None:
    """Writes one frame."""
    line.sendall(pack(text.encode()))


def receive(line: socket.socket) -> str | None:
    """Reads one frame; None at the end of the stream."""
    try:
        return str(exactly(line.recv, size(exactly(line.recv, HEAD))), "utf-8")
    except EOFError:
        return None


def stand_in_for(program: Path, line: socket.socket) -> None:
    """From here on, whatever imports the file `program` gets a stand-in, and nothing beside that file is imported."""
    border = Border(program.resolve(), Remote(line))
    genuine = importlib.util.spec_from_file_location

    def spec_from_file_location(name: str, location: Any = None, **options: Any) -> Any:
        found = None if location is None else border.spec(name, str(location))
        return found or genuine(name, location, **options)

    importlib.util.spec_from_file_location = spec_from_file_location
    sys.meta_path.insert(0, border)


class Border(importlib.abc.MetaPathFinder):
    """Decides on imports from the folder of the candidate's files."""

    def __init__(self, program: Path, remote: Remote) -> None:
        self._program, self._remote = program, remote

    def spec(self, name: str, location: str) -> ModuleSpec | None:
        """The stand-in's if the program is there, None for a place elsewhere; raises `ImportError` for other files."""
        place = Path(location).resolve()
        if place == self._program:
            return ModuleSpec(name, Loader(self._remote), origin=location)
        if place.is_relative_to(self._program.parent):
            raise ImportError(f"{name} comes from the candidate, and only its program is called")
        return None

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """As `importlib` asks for it."""
        found = PathFinder.find_spec(fullname, path, target)
        places = [found.origin, *(found.submodule_search_locations or ())] if found else []
        return next((spec for place in places if place and (spec := self.spec(fullname, place))), None)


class Remote:
    """The program in its own process, one request at a time."""

    def __init__(self, line: socket.socket) -> None:
        self._line, self._turn, self._sent, self._state = line, threading.Lock(), 0, ""
        self._process = os.getpid()

    def ask(self, do: str, name: str, *arguments: Any, **options: Any) -> Any:
        """The reply, or the exception that the program raised."""
        if os.getpid() != self._process:
            raise RuntimeError("the program can be called from the evaluator's first process only")
        with self._turn:
            state = _state()
            changed = dumps(state) != self._state or do == "load"
            self._sent += 1
            number = self._sent
            request = {"do": do, "name": name, "arguments": list(arguments), "options": options}
            send(self._line, dumps({"number": number, "frame": dumps(request | {"state": state if changed else None})}))
            self._state = dumps(state)
            while True:
                found = receive(self._line)
                if found is None:
                    raise RuntimeError("the program's process is gone")
                told = loads(found)
                if told["number"] == number:  # others are late replies to calls that a signal interrupted
                    break
        if "refused" in told:
            raise RuntimeError(told["refused"])
        reply = loads(told["frame"])
        if "raised" in reply:
            kind, message = reply["raised"]
            raise _ERRORS[kind](message) if kind in _ERRORS else RuntimeError(f"{kind}: {message}")
        return reply["ok"]


class Loader(importlib.abc.Loader):
    """Loads the program there, and its names here."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        found = self._remote.ask("load", module.__name__)
        names: dict[str, Any] = dict(found["values"])
        names |= {str(name): _function(self._remote, str(name)) for name in found["functions"]}
        vars(module).update({name: value for name, value in names.items() if not name.startswith("__")})
        vars(module)["_others"] = frozenset(map(str, found["others"]))


class StandIn(ModuleType):
    """A module whose functions run elsewhere, and which therefore cannot be changed."""

    def __getattr__(self, name: str) -> Any:
        if name in vars(self).get("_others", ()):
            raise TypeError(f"{name} of the program is neither a function nor a plain value, and stays in its process")
        raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith("__"):
            raise TypeError(f"{name} of the program cannot be set from another process")
        super().__setattr__(name, value)


def _function(remote: Remote, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        return remote.ask("call", name, *arguments, **options)

    call.__name__ = call.__qualname__ = name
    return call


def _state() -> dict[str, Any]:
    """The state of the random generators; numpy's if it is imported."""
    numpy = sys.modules.get("numpy")
    return {"random": random.getstate(), "numpy": numpy.random.get_state() if numpy else None}
