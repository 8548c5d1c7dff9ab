"""Text that tries to be more than text: what a model, a harness or a domain may put into a log.

Each specimen begins with its name, which is harmless: where the name is on a screen, the specimen was shown.
"""

from __future__ import annotations

_ESC, _BEL, _ST = "\x1b", "\x07", "\x1b\\"

SPECIMENS: dict[str, str] = {
    name: f"{name} {text} end"
    for name, text in {
        "ansi-colour": f"{_ESC}[5;33;41mred{_ESC}[0m",
        "ansi-clear": f"{_ESC}[2J{_ESC}[H{_ESC}[?1049l{_ESC}[?25h",
        "ansi-8-bit": "\x9b5;33;41mred\x9b0m",
        "ansi-reset": f"{_ESC}c",
        "ansi-report": f"{_ESC}[6n{_ESC}P$q m{_ST}",
        "osc-title": f"{_ESC}]0;owned{_BEL}",
        "osc-8": f"{_ESC}]8;;http://evil.invalid/{_ST}link{_ESC}]8;;{_ST}",
        "osc-52": f"{_ESC}]52;c;ZXZpbA=={_BEL}",
        "osc-8-bit": "\x9d52;c;ZXZpbA==\x9c",
        "markup": "[bold red]bold[/bold red] [/] [link=http://evil.invalid]x[/link] [@click=app.quit]quit[/] \\[",
        "nul": "a\x00b",
        "controls": "a\x08\x08b\x0dc\x0ed\x0fe\x7ff\x0bg\x0ch",
        "bidi": "\u202etxet\u202c \u2066isolate\u2069 \u200fmark \u061cmark \u200emark",
        "invisible": "zero\u200bwidth \ufeffmark \u2028line \u2029paragraph",
        "many-lines": "\n".join(f"line {i}" for i in range(50)),
    }.items()
}
"""What the log takes as text: everything that can be written in UTF-8."""

LINE = 10_000_000
"""Bytes of the longest line."""

LOGS: dict[str, bytes] = {
    "surrogates": "surrogates \ud800 \udfff end".encode("utf-8", "surrogatepass"),
    "not-utf-8": b"not-utf-8 \xff\xfe\xc3( end",
    "long-line": b"long-line " + b"x" * LINE,
}
"""What only blobs take: bytes of any kind."""

FILES: dict[str, bytes] = {
    "prompts/[bold red]markup [@click=app.quit]x[[.md": SPECIMENS["markup"].encode(),
    "prompts/-rf $HOME `id`.md": "\n".join(SPECIMENS.values()).encode(),
}
"""File names that a harness may have: printable, as the engine and git demand."""
