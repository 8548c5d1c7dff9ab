"""What a user trusts: workspaces that they made here, and code that they named. Recorded outside of both.

A folder is trusted by its path and a mark. The mark of a workspace is a random identity, written into it when it is
made: another workspace in its place is not trusted, and a moved one must be trusted again. The mark of anything else is
its owner. The address of a server, and a command, are trusted as they are written; they are texts where other places
are paths. Each record is a file in the user's state folder; where that cannot be written, in a private folder in
/var/tmp.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from domains import atomic
from engine import containment, user_state
from engine.errors import SiaError

IDENTITY = "identity"
_HARMLESS = {"locks", "control", "naming.lock"}
"""What a workspace may hold while there is nothing in it to trust."""

Place = Path | str
"""A path, the address of a server, or a command as `--agent` names it."""
_ADDRESS = "address"
COMMANDS = ("command:", "acp:")
"""How a command begins where `--agent` names it."""


class Untrusted(SiaError):
    """A command would use a workspace, code or a server that the user does not trust: the `places`."""

    def __init__(self, message: str, remedy: str, places: Sequence[Place]) -> None:
        super().__init__(message, remedy)
        self.places = places


class Record(msgspec.Struct, frozen=True):
    """Something trusted: its path without links, its address or command, and the mark that it had then."""

    path: str
    mark: str


def place_of(text: str) -> Place:
    """The path, the address or the command that a user has typed."""
    if text.startswith(COMMANDS):
        return text
    return text.rstrip("/") if text.startswith(("http://", "https://")) else Path(text)


def untrusted(workspace: Path | None, code: Iterable[Place] = ()) -> list[Place]:
    """Those of the places that the user does not trust. A missing path and an own empty workspace need no trust."""
    asked = [] if workspace is None or _is_new(workspace) else [workspace]
    found = (one if isinstance(one, str) else one.resolve() for one in (*asked, *code) if _needs_trust(one))
    unknown = [place for place in dict.fromkeys(found) if not _is_trusted(place)]
    if unknown:
        with _alone(make=False):  # another process of this user may be about to record the workspace that it makes
            unknown = [place for place in unknown if not _is_trusted(place)]
    return unknown


def _needs_trust(place: Place) -> bool:
    return isinstance(place, str) or place.exists()


def refusal(places: Sequence[Place]) -> Untrusted:
    """The error for a user who does not trust `places` yet."""
    folders = " and ".join(str(place) for place in places if isinstance(place, Path))
    texts = [place for place in places if isinstance(place, str)]
    addresses = " and ".join(text for text in texts if not text.startswith(COMMANDS))
    commands = " and ".join(repr(text.partition(":")[2]) for text in texts if text.startswith(COMMANDS))
    effects = [f"use the settings or run the code of {folders}"] if folders else []
    effects += [f"send prompts, and a key if there is one for it, to {addresses}"] if addresses else []
    effects += [f"start {commands}, with the network and your keys,"] if commands else []
    return Untrusted(
        f"this would {' and '.join(effects)}, which you have not said that you trust",
        f"look at it, then run `sia trust {shlex.join(map(str, places))}`",
        places,
    )


def check(workspace: Path | None, code: Iterable[Place] = ()) -> None:
    """Raises `Untrusted` unless the user trusts them all."""
    if places := untrusted(workspace, code):
        raise refusal(places)


def _is_trusted(place: Place) -> bool:
    return _record(place, _mark(place)) in _stored(place)


def _record(place: Place, mark: str) -> Record:
    """A name of a file is any bytes, and a record holds UTF-8; the record's own name tells places apart."""
    return Record(str(place).encode(errors="backslashreplace").decode(), mark)


def begin(workspace: Path) -> None:
    """Trusts a workspace that is being made, if there is nothing in it yet."""
    with _alone(make=True):
        if _is_new(workspace):
            remember_named(workspace, new=True)


def remember(place: Place, *, new: bool = False) -> None:
    """Records that the user trusts `place`; raises `SiaError` if it does not exist or nothing can be recorded.

    A workspace has an identity from now on. It is recorded before it is written: killed in between, this leaves a
    workspace that is still new, where the other order would leave one that nobody trusts.
    """
    if isinstance(place, Path):
        place = _existing(place)
        if (new or _is_workspace(place)) and not _read_identity(place):
            identity = secrets.token_hex(16)
            _store(place, f"identity {identity}")
            with (
                contextlib.suppress(PermissionError, FileExistsError),
                atomic.create(place / IDENTITY, replace=False) as fresh,
            ):
                fresh.write_text(identity)
            if _is_trusted(place):
                return
    _store(place, _mark(place))


def _store(place: Place, mark: str) -> None:
    content = msgspec.json.encode(_record(place, mark))
    for folder in user_state.folders("trusted"):
        with contextlib.suppress(OSError):
            if user_state.is_own(folder, make=True):
                atomic.write(folder / _name(place), content)
                return
    raise SiaError(
        f"what you trust cannot be recorded in {next(user_state.folders('trusted'))}",
        "set $XDG_STATE_HOME to a folder that you may write",
    )


def _existing(place: Path) -> Path:
    """The path without links."""
    path = place.resolve()
    if not path.exists():
        raise SiaError(f"there is nothing at {place}", "name a workspace, the folder of a task, or its data")
    return path


def remember_named(place: Place, *, new: bool = False) -> None:
    """Trusts what the user has made or named; if that cannot be recorded, they are asked later."""
    with contextlib.suppress(SiaError):
        remember(place, new=new)


def forget(place: Place) -> bool:
    """Removes the record for `place`; returns whether there was one."""
    name = _name(place if isinstance(place, str) else place.resolve())
    found = [folder / name for folder in user_state.folders("trusted") if user_state.is_own(folder)]
    known = [path for path in found if path.exists()]
    for path in known:
        path.unlink()
    return bool(known)


def records() -> list[Record]:
    """All that the user trusts, by path or address."""
    found = (
        _decode(file)
        for folder in user_state.folders("trusted")
        if user_state.is_own(folder)
        for file in folder.glob("[0-9a-f]*")
    )
    return sorted({record for record in found if record}, key=lambda record: record.path)


@contextlib.contextmanager
def _alone(*, make: bool) -> Iterator[None]:
    """Waits for this user's other processes that begin a workspace, where they have a folder for a lock."""
    import filelock

    with contextlib.ExitStack() as held:
        for folder in user_state.folders("trusted"):
            with contextlib.suppress(OSError):  # a lock's time-out is one, too
                if user_state.is_own(folder, make=make):
                    held.enter_context(filelock.FileLock(folder / ".lock", timeout=30))
                    break
        yield


def _name(place: Place) -> str:
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:32]


def _stored(place: Place) -> Iterator[Record]:
    for folder in user_state.folders("trusted"):
        if user_state.is_own(folder) and (record := _decode(folder / _name(place))):
            yield record


def _decode(file: Path) -> Record | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record)
    except (OSError, msgspec.MsgspecError):
        return None


def _mark(place: Place) -> str:
    if isinstance(place, str):
        return _ADDRESS
    if _is_workspace(place) and (identity := _read_identity(place)):
        return f"identity {identity}"
    try:
        return f"owner {place.stat().st_uid}"
    except OSError:
        return "missing"


def _read_identity(path: Path) -> str:
    file = containment.inside(path, IDENTITY)
    try:
        return file.read_text()[:64] if file.is_file() else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _is_workspace(path: Path) -> bool:
    return path.name == ".sia" or any((path / name).is_file() for name in ("events.db", IDENTITY))


def _is_new(workspace: Path) -> bool:
    """Whether there is nothing in it yet, and it is a folder of its user's, to which not everybody can write."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        found = workspace.stat()
        if found.st_uid != os.geteuid() or found.st_mode & stat.S_IWOTH:
            return False
    return containment.contents(workspace) <= _HARMLESS
