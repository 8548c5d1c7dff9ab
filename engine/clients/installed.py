"""The client as it is installed on this machine: the user's own program, and what of the machine it needs to run."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from engine.clients.client import Client
from engine.errors import SiaError

_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")
_PATIENCE_S = 30.0
_SHEBANG_BYTES = 256


class Installed(msgspec.Struct, frozen=True):
    """A client's program, its version (empty where it does not say), and the files and folders that it runs from."""

    program: Path
    version: str
    needs: tuple[Path, ...]

    def never_tried(self, client: Client) -> str:
        """A sentence where this version of the client was never tried; else empty."""
        if not client.version or self.version in client.tried:
            return ""
        found = f"version {self.version}" if self.version else "this version, which it does not tell,"
        return f"{client.title}: {found} was never tried with sia; tried: {', '.join(client.tried) or 'none'}"


def find(client: Client) -> Installed:
    """The program on the user's PATH; raises `SiaError` where there is none."""
    found = shutil.which(client.program)
    if found is None:
        how = f"install it with `{client.install}`, or" if client.install else "install it, or"
        raise SiaError(
            f"the agent {client.name} needs the program {client.program!r}, which is not on your PATH",
            f"{how} choose another --agent",
        )
    program = Path(found).absolute()
    needs = dict.fromkeys(path for one in (program, *map(Path, client.files)) for path in _needs(one))
    return Installed(program, _version(client, program), tuple(needs))


def _version(client: Client, program: Path) -> str:
    if not client.version:
        return ""
    try:
        done = subprocess.run(
            [str(program), *client.version],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = _VERSION.search(done.stdout.decode("utf-8", "replace"))
    return said[0] if said else ""


def _needs(path: Path) -> Iterator[Path]:
    """`path`, the file behind its links, and the packages or interpreters that this file belongs to."""
    real = path.resolve()
    yield from (path, real)
    parts = real.parts
    if "node_modules" in parts:
        yield Path(*parts[: parts.index("node_modules") + 1])
    if path.parent.name == "shims" or real.name == "volta-shim":
        yield path.parent.parent  # a manager of versions, which looks for the program below its own folder
    if (environment := _environment(path)) is not None:
        yield environment
        yield from _base(environment)
    if (interpreter := _interpreter(real)) is not None and interpreter.resolve() != real:
        yield from _needs(interpreter)


def _environment(path: Path) -> Path | None:
    """The virtual environment whose program `path` is."""
    folder = path.parent.parent
    return folder if (folder / "pyvenv.cfg").is_file() else None


def _base(environment: Path) -> Iterator[Path]:
    """The Python that a virtual environment was made from."""
    for line in (environment / "pyvenv.cfg").read_text(errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name.strip() == "home" and Path(value.strip()).name == "bin":
            base = Path(value.strip()).parent
            if base not in (Path("/"), Path("/usr")):
                yield base


def _interpreter(file: Path) -> Path | None:
    """The interpreter of a script; None for a program that is none."""
    try:
        with file.open("rb") as opened:
            first = opened.read(_SHEBANG_BYTES).split(b"\n", 1)[0]
    except OSError:
        return None
    if not first.startswith(b"#!"):
        return None
    words = first[2:].decode("utf-8", "replace").split()
    named = [word for word in words if not word.startswith("-")]
    if named and Path(named[0]).name == "env":
        named = named[1:]
    found = shutil.which(named[0]) if named else None
    return Path(found).absolute() if found else None
