"""What an evaluator measured, as numbers and short texts: its score is read, or refused with what stood in its place.

A score is what `float()` takes: a number of any kind (Decimal, numpy), or its text. What lies beside the score never
makes an evaluation fail: finite numbers remain, anything else becomes a text that nobody counts.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SHOWN = 80
"""The characters of a value in a message or a metric."""


class NotAScore(Exception):
    """The message says what stood in the place of a score."""


def write(path: str, evaluate: Callable[[], dict[str, Any]]) -> None:
    """Writes the result of an evaluation as JSON, or `{"refused": ...}` if it has no score."""
    try:
        measured = evaluate()
    except NotAScore as error:
        measured = {"refused": str(error)}
    Path(path).write_text(json.dumps(measured))


def number(name: str, value: Any) -> float:
    """The number in the metric `name`, which may be infinite or NaN; raises `NotAScore` if there is none."""
    try:
        return float(value.item() if hasattr(value, "item") else value)  # newer numpy's arrays of one are no floats
    except OverflowError:
        raise NotAScore(f"{name} is an integer beyond any float, not a finite number") from None
    except Exception:  # foreign code
        raise NotAScore(f"{name} is {_shown(value)} (of type {type(value).__name__}), not a number") from None


def plain(metrics: Mapping[Any, Any], score: str = "") -> dict[str, Any]:
    """The metrics by name; the one named `score`, if there, as a float. Raises `NotAScore`."""
    found = {_well_formed(str(name)): _plain(value) for name, value in metrics.items()}
    if score and score in metrics:
        found[score] = number(score, metrics[score])
        if not math.isfinite(found[score]):
            raise NotAScore(f"{score} is {found[score]}, not a finite number")
    return found


def require_number(metrics: Mapping[str, Any]) -> None:
    """Raises `NotAScore` unless one of these plain metrics is a number."""
    if not any(isinstance(value, int | float) for value in metrics.values()):
        raise NotAScore(f"there is no number among the metrics {_shown(metrics)}")


def _plain(value: Any) -> Any:
    with contextlib.suppress(Exception):  # foreign code; an integer too large for a float
        if getattr(value, "shape", None) == ():  # a scalar of numpy or torch
            value = value.item()
        if isinstance(value, int | float) and math.isfinite(value):
            return value if isinstance(value, bool) else float(value)
    return _shown(value)


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:  # foreign code
        text = "something"
    cut = f"{text[: SHOWN - 1]}…" if len(text) > SHOWN else text
    return ascii(cut)[1:-1] if not cut.isprintable() else cut


def _well_formed(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
