"""The text of a task's source files as UTF-8, whatever encoding they declare: harnesses hold UTF-8 text."""

from __future__ import annotations

import re
import tokenize
from pathlib import Path

from engine.errors import SiaError

_DECLARED = re.compile(r"^([ \t\f]*#.*?coding[:=][ \t]*)[-\w.]+", re.MULTILINE)
"""PEP 263: in the first or second line."""


def source_text(path: Path) -> str:
    """The text without a byte order mark; a Python file that declares another encoding declares `utf-8` in it.

    Raises `SiaError` if the bytes are not in the encoding that the file declares, UTF-8 if none.
    """
    encoding = "utf-8-sig"
    try:
        if path.suffix == ".py":
            with path.open("rb") as file:
                encoding, _ = tokenize.detect_encoding(file.readline)
        text = path.read_text(encoding=encoding)
    except (SyntaxError, UnicodeError, LookupError) as error:
        raise SiaError(
            f"{path} cannot be read: {error}", "save it as UTF-8, or declare the encoding that it is in"
        ) from None
    return text if encoding.startswith("utf-8") else _DECLARED.sub(r"\1utf-8", text, count=1)
