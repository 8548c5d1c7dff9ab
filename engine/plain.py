"""Plain values: what an answer, a call or a tool's arguments may hold, because the log can write it and read it back.

A plain value is None, a bool, an int of 64 bits, a finite float, text, bytes, or a list or a map with text as keys of
plain values, at most `MOST_LEVELS` deep. JSON gives all of them back unchanged but bytes, which become base64.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

MOST_LEVELS = 128
"""Far below what the decoders of JSON and MessagePack can read from any place in our code."""
_LEAST, _MOST = -(1 << 63), (1 << 64) - 1


MOST_SCORE = 1e100
"""The largest size of a score: squares of scores, summed over a split, stay finite."""


def is_score(value: float) -> bool:
    """Whether `value` may be a score, or another number of a grade: finite, and at most `MOST_SCORE` in size."""
    return abs(value) <= MOST_SCORE  # false for NaN


ROUNDING = 1e-12
"""The part of a score below which an error is what sums of floating-point numbers leave."""


def decimal(value: float, sign: str = "") -> str:
    """A score, an error or a difference with four decimals; with four digits where those would show none of them."""
    if 0 < abs(value) < 5e-4 or abs(value) >= 1e7:
        return f"{value:{sign}.4g}"
    return f"{value:{sign}z.4f}"


def with_error(score: float, se: float | None = None, n: int | None = None, *, sign: str = "") -> str:
    """A score, or with the sign `+` a difference, and its standard error where that says something.

    One unit (`n`) says nothing of the error of its mean: an `se` of 0 is shown only where there are more. What rounding
    leaves of an error, where all units have one score, is 0.
    """
    shown = decimal(score, sign)
    se = 0.0 if se is not None and se < ROUNDING * abs(score) else se
    return f"{shown} ± {decimal(se)}" if se or (se is not None and n is not None and n > 1) else shown


def plural(count: float, noun: str) -> str:
    """A count and its noun: `1 event`, `1,200 events`, `2 new replies`, `0.5 minutes`."""
    number = f"{count:,}" if isinstance(count, int) else f"{count:g}"
    if count == 1:
        return f"{number} {noun}"
    if noun.endswith(("s", "x", "ch", "sh")):
        return f"{number} {noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{number} {noun[:-1]}ies"
    return f"{number} {noun}s"


class NotPlain(ValueError):
    """The value is not plain; the message names the part: `a map with a key of type int`."""


def number(value: Any) -> float:
    """What `float()` makes of a number of any kind: a truth value, an integer, one of numpy, Decimal or Fraction.

    It may be infinite, as one beyond any float is, or NaN. Raises `NotPlain` for whatever is no number, as a text.
    """
    with contextlib.suppress(Exception):  # foreign code
        found = value.item() if hasattr(value, "item") else value  # numpy and torch: scalars, and arrays of one
        if not isinstance(found, str | bytes | bytearray):
            try:
                return float(found)
            except OverflowError:
                return math.inf if found > 0 else -math.inf
    raise NotPlain(f"a value of type {type(value).__name__}")


def well_formed(text: str) -> str:
    """The text, with `?` for each half of a surrogate pair, which no encoding can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def check(value: Any) -> None:
    """Raises `NotPlain` unless `value`, which must not contain itself, is plain."""
    level, depth = [value], 0
    while level:
        if depth > MOST_LEVELS:
            raise NotPlain(f"more than {MOST_LEVELS} levels of lists and maps")
        below: list[Any] = []
        for item in level:
            kind = type(item)
            if kind is str:
                _check_text(item)
            elif kind is float:
                if not math.isfinite(item):
                    raise NotPlain(f"the number {item}")
            elif kind is int:
                if not _LEAST <= item <= _MOST:
                    raise NotPlain("a whole number of more than 64 bits")
            elif kind is dict:
                for key in item:
                    if type(key) is not str:
                        raise NotPlain(f"a map with a key of type {type(key).__name__}")
                    _check_text(key)
                below.extend(item.values())
            elif kind in (list, tuple):
                below.extend(item)
            elif item is not None and kind not in (bool, bytes):
                raise NotPlain(f"a value of type {kind.__name__}")
        level, depth = below, depth + 1


def _check_text(text: str) -> None:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise NotPlain("text with half of a surrogate pair") from None
