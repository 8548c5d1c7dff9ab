"""A server of one file over HTTP/1.1 on loopback, which serves ranges as RFC 9110 says, and makes trouble."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.fakes.package_index import PIECE, Script, well
from tests.fakes.serving import Answer, Asked, Server


@dataclass
class Served:
    """The file as it is now; `tag` names its version, and `headers` are sent beside it."""

    content: bytes
    tag: str = '"1"'
    headers: Mapping[str, str] = field(default_factory=dict)


class FileServer(Server):
    """The file, whatever the path; `file` may be changed, `ranges` says what was asked for."""

    def __init__(self, content: bytes, script: Script = well) -> None:
        self.file = Served(content)
        self.ranges: list[str] = []

        def answer(asked: Asked) -> Answer:
            wanted = asked.headers.get("range", "")
            self.ranges.append(wanted)
            trouble, file = script(asked), self.file
            if trouble.status != 200:
                return Answer(trouble.status, trouble.headers, [b"trouble"])
            headers = {"accept-ranges": "bytes", **file.headers, **trouble.headers}
            if file.tag:
                headers["etag"] = file.tag
            status, begin, size = 200, 0, len(file.content)
            if wanted and asked.headers.get("if-range", file.tag) == file.tag:
                begin = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if begin >= size:
                    return Answer(416, {**headers, "content-range": f"bytes */{size}"}, [b""])
                status = 206
                headers["content-range"] = f"bytes {begin}-{size - 1}/{size}"
            body = file.content[begin:]
            sent = body if trouble.cut_at is None else body[: int(len(body) * trouble.cut_at)]
            return Answer(
                status,
                headers,
                [sent[at : at + PIECE] for at in range(0, len(sent), PIECE)],
                end="whole" if trouble.cut_at is None else "broken",
                pause_s=trouble.pause_s,
                announced=len(body),
            )

        super().__init__(answer)

    @property
    def url(self) -> str:
        return f"{super().url}/file"
