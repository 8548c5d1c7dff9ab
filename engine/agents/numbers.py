"""The numbers of a program that declares none, as tunables near what they are.

They are those that it names at its top (`STEP = 0.5`), within its marks where it has any, or else all of its numbers
there. What a language model wrote is about right, so a search stays near: within one of a few factors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from harness_repo.evolvable import SKELETON
from harness_repo.harness import Harness, HarnessInvalid, parse
from harness_repo.marks import blocks
from harness_repo.tunable import Tunable, Value

REACHES = (1.1, 1.4, 3.0)
"""A number becomes at most so many times as large, or as small."""


def path(harness: Harness) -> str:
    """The file whose numbers may vary: the one with marks, or else the entry. Empty where there is none.

    There is none where the harness declares tunables, or has other values that its code reads.
    """
    if harness.manifest.evolve or harness.params:
        return harness.manifest.evolve
    marked = [one for one, content in harness.files.items() if one.endswith(".py") and _is_marked(content)]
    return marked[0] if marked else harness.program


def searched(harness: Harness, reach: float) -> Harness | None:
    """The harness with its program's numbers as tunables, within a factor of `reach`; None where it has none."""
    if not (program := path(harness)):
        return None
    files = {one: content for one, content in harness.files.items() if one != "params.toml"}
    files["harness.toml"] = msgspec.toml.encode(replace(harness.manifest, evolve=program, tunables={}, patience=1))
    try:
        made = parse(files)
    except HarnessInvalid:
        return None
    known = {name: one for name, one in made.manifest.tunables.items() if _is_number(one) and name != SKELETON}
    chosen = {name: one for name, one in known.items() if "." not in name} or known
    near = {name: _near(one, made.params[name], reach) for name, one in chosen.items()}
    return replace(made, manifest=replace(made.manifest, tunables=near)) if near else None


def structure(found: Harness) -> tuple[Mapping[str, bytes], Mapping[str, Value]]:
    """What two harnesses that were `searched` share where they differ in numbers alone: other files, and operators."""
    files = {one: content for one, content in found.files.items() if one != found.program}
    return files, {name: value for name, value in found.params.items() if isinstance(value, str)}


def restored(harness: Harness, found: Harness) -> Harness:
    """`harness` with the numbers of `found`, which was `searched` in it."""
    program = path(harness)
    return parse({**harness.files, program: found.files[program]})


def _is_marked(content: bytes) -> bool:
    return blocks(content.decode("utf-8", "replace")) is not None


def _is_number(tunable: Tunable) -> bool:
    """Whether it is a number, or a flag; those of a bent return are no numbers of the program."""
    flag = tunable.type == "choice" and all(isinstance(one, bool) for one in tunable.choices)
    return flag or (tunable.type != "choice" and not tunable.when)


def _near(tunable: Tunable, value: Value, reach: float) -> Tunable:
    if tunable.type == "choice" or not isinstance(value, int | float):
        return tunable
    if tunable.type == "int":
        low, high = math.floor(value / reach), math.ceil(value * reach)
        return replace(tunable, low=float(max(0, min(low, value - 1))), high=float(max(high, value + 1)), log=False)
    return replace(tunable, low=value / reach, high=value * reach) if tunable.log else tunable
