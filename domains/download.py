"""Downloads a file over HTTP, completely or not at all; continues a download that broke off."""

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
    """Downloads `url` to `target`, which appears once the announced length has arrived.

    Until then a partial file lies beside it, with its version on the server (ETag or Last-Modified). The next call
    continues that version, or starts over if the server has another one or names none. Raises the errors of urllib,
    sockets and files; `retry.refusal` says which are temporary.
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
                raise ConnectionError(
                    "the file on the server is now shorter than the part that was downloaded"
                ) from None
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
    """Where the body begins in the file, and the length of the file, if the server states it."""
    if answer.status == 206:
        with contextlib.suppress(ValueError):
            unit, _, place = (answer.headers["Content-Range"] or "").partition(" ")
            span, _, total = place.partition("/")
            if unit == "bytes":
                return int(span.partition("-")[0]), int(total)
        return -1, None
    length = answer.headers["Content-Length"]
    return 0, int(length) if length else None


def _version(answer: HTTPResponse) -> str:
    """The validator of this version of the file, with which a range can be requested (RFC 9110, 13.1.5)."""
    tag = str(answer.headers["ETag"] or "")
    return tag if tag and not tag.startswith("W/") else str(answer.headers["Last-Modified"] or "")


def _text(file: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return file.read_text()
    return ""
