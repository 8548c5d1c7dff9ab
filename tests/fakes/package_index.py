"""A package index (simple API, PEP 503) on loopback: serves wheels, stands before a real index, makes trouble.

For pip: `PIP_INDEX_URL=<url>/simple PIP_CONFIG_FILE=/dev/null`, and no `PIP_FIND_LINKS`.
As a process: `python -m tests.fakes.package_index --port-file F --script tests.fakes.package_index:refuses_two
[--files DIR] [--beyond URL [--kept DIR]] [--record-file R]`; `--beyond` is the index behind it, by the URL that pip
would have, and `--kept` where its pages and files are kept between runs.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import html
import re
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.fakes.serving import Answer, Asked, Record, Server, serve

PIECE = 1 << 16
_LINK = re.compile(r'(<a\b[^>]*?\bhref=")([^"]+)(")')


class Trouble(NamedTuple):
    """What goes wrong with a request: an error's `status`, a wait before each 64 KB, a body that ends at a share."""

    status: int = 200
    headers: Mapping[str, str] = {}
    pause_s: float = 0.0
    cut_at: float | None = None


Script = Callable[[Asked], Trouble]
"""Which trouble a request has; those of pages end in `/`, those of files in a file's name."""


def well(_: Asked) -> Trouble:
    """No trouble."""
    return Trouble()


def refuses_two(asked: Asked) -> Trouble:
    """The first two requests, whatever for."""
    return Trouble(503) if asked.n <= 2 else Trouble()


def lacks_for_a_while(asked: Asked) -> Trouble:
    """The first two requests find nothing, as where an index is behind another."""
    return Trouble(404) if asked.n <= 2 else Trouble()


def refuses_always(_: Asked) -> Trouble:
    return Trouble(503)


def slow(_: Asked) -> Trouble:
    """64 KB in half a second."""
    return Trouble(pause_s=0.5)


class BreaksOff:
    """The first `times` files end in the middle; pages are whole."""

    def __init__(self, times: int = 1) -> None:
        self._left = times

    def __call__(self, asked: Asked) -> Trouble:
        if not self._left or asked.path.endswith("/"):
            return Trouble()
        self._left -= 1
        return Trouble(cut_at=0.5)


breaks_off_once = BreaksOff()


class PackageIndex(Server):
    """The index in a thread of this process.

    Projects that `files` has wheels of are served from there alone, all others by the index `beyond`, where one is
    named.
    """

    def __init__(
        self,
        script: Script = well,
        note: Callable[[Record], None] | None = None,
        *,
        files: Path | None = None,
        beyond: str = "",
        kept: Path | None = None,
        port: int = 0,
    ) -> None:
        own = {file.name: file for file in sorted(files.iterdir()) if file.is_file()} if files else {}
        behind = _Beyond(beyond.rstrip("/"), kept) if beyond else None

        def body(path: str) -> bytes | None:
            match urllib.parse.unquote(path).strip("/").split("/"):
                case ["simple", project]:
                    names = [name for name in own if normal(name.split("-")[0]) == normal(project)]
                    if names:
                        return _page(project, {name: own[name].read_bytes() for name in names})
                    return behind.page(project) if behind else None
                case ["files", name]:
                    return own[name].read_bytes() if name in own else None
                case ["beyond", place, name]:
                    return behind.file(place, name) if behind else None
            return None

        def answer(asked: Asked) -> Answer:
            trouble = script(asked)
            if trouble.status != 200:
                return Answer(trouble.status, trouble.headers, [b"trouble"])
            content = body(asked.path)
            if content is None:
                return Answer(404, {}, [b"there is no such thing"])
            kind = "text/html" if asked.path.endswith("/") else "application/octet-stream"
            sent = content if trouble.cut_at is None else content[: int(len(content) * trouble.cut_at)]
            return Answer(
                200,
                {"content-type": kind, **trouble.headers},
                [sent[at : at + PIECE] for at in range(0, len(sent), PIECE)],
                end="whole" if trouble.cut_at is None else "broken",
                pause_s=trouble.pause_s,
                announced=len(content),
            )

        super().__init__(answer, note, port)

    @property
    def environment(self) -> dict[str, str]:
        """What makes pip ask this index and no other, without waiting long for it."""
        return environment(self.url)


def environment(url: str) -> dict[str, str]:
    """The variables that make pip ask the index at `url` and no other, whatever this machine is configured for."""
    return {
        "PIP_INDEX_URL": f"{url}/simple",
        "PIP_CONFIG_FILE": "/dev/null",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_NO_INDEX": "0",
        "PIP_RETRIES": "0",
    }


def wheel(folder: Path, project: str, version: str, members: Mapping[str, bytes]) -> Path:
    """Writes a wheel that pip takes for one, with these members beside its metadata."""
    name = project.replace("-", "_")
    info = f"{name}-{version}.dist-info"
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def normal(project: str) -> str:
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", project).lower()


def _page(project: str, files: Mapping[str, bytes]) -> bytes:
    links = [
        f'<a href="../../files/{urllib.parse.quote(name)}#sha256={hashlib.sha256(content).hexdigest()}">{name}</a>'
        for name, content in files.items()
    ]
    return f"<!DOCTYPE html><html><body><h1>{project}</h1>{'<br/>'.join(links)}</body></html>".encode()


class _Beyond:
    """A real index; a file's address travels in the link that leads to it through here."""

    def __init__(self, url: str, kept: Path | None) -> None:
        self._url, self._kept = url, kept

    def page(self, project: str) -> bytes | None:
        where = f"{self._url}/{normal(project)}/"
        found = self._get(where)
        if found is None:
            return None

        def through(link: re.Match[str]) -> str:
            url, _, digest = urllib.parse.urljoin(where, html.unescape(link[2])).partition("#")
            place = base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")  # pip would quote it
            return f"{link[1]}../../beyond/{place}/{url.rsplit('/', 1)[1]}#{digest}{link[3]}"

        return _LINK.sub(through, found.decode()).encode()

    def file(self, place: str, name: str) -> bytes | None:
        more = ".metadata" if name.endswith(".metadata") else ""
        return self._get(base64.urlsafe_b64decode(f"{place}==").decode() + more)

    def _get(self, url: str) -> bytes | None:
        kept = self._kept / hashlib.sha256(url.encode()).hexdigest() if self._kept else None
        if kept is not None and kept.exists():
            return kept.read_bytes()
        try:
            request = urllib.request.Request(url, headers={"Accept": "text/html, */*"})  # noqa: S310 - the user's index
            with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310
                content = bytes(reply.read())
        except urllib.error.HTTPError:
            return None
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=kept.parent, delete=False) as scratch:
                scratch.write(content)
            Path(scratch.name).rename(kept)
        return content


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--files", type=Path, help="a folder of wheels")
    parser.add_argument("--beyond", default="", help="the index for all other projects, as pip would have it")
    parser.add_argument("--kept", type=Path, help="where what comes from it is kept")


if __name__ == "__main__":
    serve(PackageIndex, "A package index on loopback.", _options)
