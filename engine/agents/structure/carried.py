"""Values carried from one program to another that a change of structure has made of it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from engine.agents.portfolio.probed import Params
from harness_repo.evolvable import SKELETON
from harness_repo.harness import Harness
from harness_repo.tunable import Value


def carried(before: Harness, values: Mapping[str, Value], after: Harness) -> Params:
    """All values of `after`: those of `values` where a place of `before` has the same name and the same own value.

    Places of one name are numbered in the order of the text, and a change may remove one or move it: so the first place
    of a name and value gives its value to the first, and so on.
    """
    waiting: dict[tuple[str, Value, str], list[Value]] = defaultdict(list)
    for name in before.manifest.tunables:
        waiting[_place(before, name)].append(values.get(name, before.params[name]))
    found: Params = {}
    for name, tunable in after.manifest.tunables.items():
        same = waiting[_place(after, name)]
        value = same.pop(0) if same else after.params[name]
        found[name] = value if name != SKELETON and tunable.admits(value) else after.params[name]
    return found


def _place(harness: Harness, name: str) -> tuple[str, Value, str]:
    return re.sub(r" \(\d+\)", "", name), harness.params[name], type(harness.params[name]).__name__
