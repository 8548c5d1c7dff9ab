"""What a domain's functions return, as the engine takes it: a grade with plain numbers, instances with their names.

A sentence of this module names types, fields and ids; never a label, an answer or a value of a grade.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from domains.contract import DataInvalid, Grade, Instance, Split
from engine import pipes, plain
from engine.grading.live_work import Tell
from engine.plain import plural


class WrongReturn(Exception):
    """A function of the domain returned something else than the contract says."""


def instances(split: Split, items: Iterable[Any]) -> dict[str, Instance]:
    """The instances by their ids.

    Raises `DataInvalid` for what is no instance, or has no name that a log can hold, or the name of another one.
    """
    try:
        found = list(items)
    except TypeError:
        raise DataInvalid(f"the instances of {split} are a value of type {type(items).__name__}; make a list") from None
    for number, item in enumerate(found, 1):
        where = f"instance {number} of {split}"
        if not isinstance(item, Instance):
            raise DataInvalid(f"{where} is a value of type {type(item).__name__}; make it an Instance")
        if not isinstance(item.id, str):
            raise DataInvalid(f"{where} has the id {item.id!r}, which is not text; make it text")
        for what, name in (("group", item.group), ("slice", item.slice)):
            if not isinstance(name, str | msgspec.UnsetType):
                raise DataInvalid(f"{where} has a {what} of type {type(name).__name__}; make it text, or leave it out")
        for what, name in (("an id", item.id), ("a group", item.group), ("a slice", item.slice)):
            if isinstance(name, str) and plain.well_formed(name) != name:
                raise DataInvalid(f"{where} has {what} with half of a surrogate pair; decode it as what it is")
    known: dict[str, Instance] = {}
    for item in found:
        if item.id in known:
            raise DataInvalid(f"two instances of {split} have the id {item.id[:60]!r}; give each an id of its own")
        known[item.id] = item
    return known


def check_data(split: Split, known: dict[str, Instance]) -> None:
    """Raises `DataInvalid` where an instance of a split cannot be passed to the engine."""
    for item in known.values():
        try:
            pipes.pack(item)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            kind = "a text with half of a surrogate pair" if isinstance(error, UnicodeError) else f"{error}"
            raise DataInvalid(
                f"instance {item.id!r} of {split} cannot be passed on: {kind}; "
                "use text, numbers of 64 bits, bytes, lists and maps"
            ) from None


def grade(value: Any) -> Grade:
    """The grade with floats for its numbers, of whatever library they are, and without half surrogates in its texts.

    Raises `WrongReturn`.
    """
    if not isinstance(value, Grade):
        raise WrongReturn(f"grade returned a value of type {type(value).__name__}, not a Grade")
    if not isinstance(value.measures, Mapping):
        raise WrongReturn(f"the measures of a Grade are a value of type {type(value.measures).__name__}, not a dict")
    return Grade(
        score=_number("score", value.score),
        honest=None if value.honest is None else _number("honest", value.honest),
        floor=None if value.floor is None else _number("floor", value.floor),
        refused=_text("refused", value.refused),
        detail=_text("detail", value.detail),
        measures={_text("measures", name): _number("measures", one) for name, one in value.measures.items()},
        disturbed=_text("disturbed", value.disturbed),
    )


def digest(value: Any) -> Any:
    """What `digest()` returned; raises `WrongReturn` for nothing, which would equal any other nothing."""
    if value is None:
        raise WrongReturn("digest returned nothing; it tells data and splits apart")
    return value


def baselines(value: Any, count: int, tell: Tell = lambda *_: None) -> dict[str, list[Any]]:
    """The answers by baseline, `count` of each; `tell` is told how many there are. Raises `WrongReturn`."""
    if not isinstance(value, Mapping):
        raise WrongReturn(f"baselines returned a value of type {type(value).__name__}, not a dict of lists")
    try:
        found = {
            str(name): list(_told(answers, f"baseline {number} of {len(value)}, {name}", count, tell))
            for number, (name, answers) in enumerate(value.items(), 1)
        }
    except TypeError:
        raise WrongReturn("baselines returned something else than a list of answers") from None
    for name, answers in found.items():
        if len(answers) != count:
            raise WrongReturn(f"the baseline {name!r} has {len(answers)} answers for {plural(count, 'instance')}")
    return found


def _told(answers: Iterable[Any], what: str, count: int, tell: Tell) -> Iterator[Any]:
    tell(what, 0, count)
    for done, answer in enumerate(answers, 1):
        yield answer
        tell(what, done, count)


def _number(field: str, value: Any) -> float:
    try:
        return plain.number(value)
    except plain.NotPlain as error:
        raise WrongReturn(f"a Grade has in {field} {error}, which is not a number") from None


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise WrongReturn(f"a Grade has in {field} a value of type {type(value).__name__}, which is not text")
    return plain.well_formed(value)
