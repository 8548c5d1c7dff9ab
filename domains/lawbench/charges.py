"""The names of charges: a bracket lists alternatives, and an indictment spells out one of them or the whole list."""

from __future__ import annotations

import itertools
import re
from functools import cache

_BRACKET = re.compile(r"\[([^\]]*)\]")


@cache
def forms(charge: str) -> tuple[str, ...]:
    """The ways a text may spell `charge`: `[生产、销售]假药` is 生产假药, 销售假药 or 生产、销售假药."""
    # Splitting by a pattern with one group puts what stood in brackets at the odd places.
    parts = _BRACKET.split(charge)
    choices = [_alternatives(part) if place % 2 else [part] for place, part in enumerate(parts)]
    return tuple("".join(choice) for choice in itertools.product(*choices))


def mentions(facts: str, charge: str) -> bool:
    """Whether a form of `charge` stands in `facts`, so that a reader could copy the answer."""
    return any(form in facts for form in forms(charge))


def _alternatives(listed: str) -> list[str]:
    single = listed.split("、")
    return [*single, listed] if len(single) > 1 else single
