"""A file over HTTP, whole or not at all; what came before a connection broke is gone on with."""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from http.client import HTTPResponse
from pathlib import Path

from domains import atomic
from domains.contract import Report

SILENCE_S = 60.0
_CHUNK = 1 << 16


def download(url: str, target: Path, report: Report) -> None:
    """Puts what lies at `url` to `target`, under its name once the announced length is there.

    What comes is kept beside it until then, with the version that the server gives it (ETag, or Last-Modified): the
    next call goes on with that version, and begins anew where there is another one or none was named. Raises the errors
    of urllib, sockets and files; `patience.refusal` knows which of them may pass.
    """
    part, noted = target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.version")
    version = _text(noted)
    have = part.stat().st_size if version and part.exists() else 0
    headers = {"Range": f"bytes={have}-", "If-Range": version} if have else {}
    try:
        answer = urllib.request.urlopen(  # noqa: S310 - domains name https only
            urllib.request.Request(url, headers=headers),  # noqa: S310
            timeout=SILENCE_S,
        )
    except urllib.error.HTTPError as error:
        if error.code != 416 or error.headers["Content-Range"] != f"bytes */{have}":
            if error.code == 416:
                noted.unlink()
                raise ConnectionError("the server has less than was there before") from None
            raise
    else:
        with answer:
            _append(answer, part, noted, have, report)
    atomic.move(part, target)
    noted.unlink(missing_ok=True)


def _append(answer: HTTPResponse, part: Path, noted: Path, have: int, report: Report) -> None:
    begin, total = _range(answer)
    if answer.status not in (200, 206) or begin not in (0, have):
        raise ConnectionError(f"the server answers {answer.status}, and sends no file")
    if begin == 0:
        part.unlink(missing_ok=True)
        noted.write_text(_version(answer))
    size = "" if total is None else f" {total / 1e6:.0f} MB"
    report(f"downloading{size}" + (f", {begin / 1e6:.0f} of them are there" if begin else ""))
    with part.open("ab") as file:
        while piece := answer.read(_CHUNK):
            file.write(piece)
    got = part.stat().st_size
    if total is not None and got != total:
        raise ConnectionError(f"the connection ended after {got} of {total} bytes")


def _range(answer: HTTPResponse) -> tuple[int, int | None]:
    """Where the body begins in the file, and how long the file is, if it is told."""
    if answer.status == 206:
        with contextlib.suppress(ValueError):
            unit, _, told = (answer.headers["Content-Range"] or "").partition(" ")
            span, _, total = told.partition("/")
            if unit == "bytes":
                return int(span.partition("-")[0]), int(total)
        return -1, None
    length = answer.headers["Content-Length"]
    return 0, int(length) if length else None


def _version(answer: HTTPResponse) -> str:
    """What names this version of the file so that a range of it can be asked for (RFC 9110, 13.1.5)."""
    tag = str(answer.headers["ETag"] or "")
    return tag if tag and not tag.startswith("W/") else str(answer.headers["Last-Modified"] or "")


def _text(file: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return file.read_text()
    return ""
