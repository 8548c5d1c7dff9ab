"""A field of a form: its value, what it may be, and what is said of a value that is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class FormField(NamedTuple):
    """`value` is the current value; `suggestion` is filled in in its place, as a change.

    `hint` says the unit or what an empty value means. `choices` are all values that there are, `known` some of them.
    `rule` is the type of the value; with `is_path` it names a file or a folder.
    """

    name: str
    value: str
    hint: str = ""
    suggestion: str = ""
    choices: Sequence[str] = ()
    known: Sequence[str] = ()
    rule: Any = str
    is_path: bool = False

    def wrong(self, value: str) -> str:
        """Why the field cannot have this value; empty where it can."""
        from pydantic import TypeAdapter, ValidationError

        from engine.setting_values import sentence

        if not value and (self.value == "" or type(None) in getattr(self.rule, "__args__", ())):
            return ""
        try:
            TypeAdapter(self.rule).validate_python(value)
        except ValidationError as error:
            return f"{self.name} {sentence(error.errors()[0]).removeprefix('it ')}"
        return ""


Values = dict[str, str]
"""The changed values of a form, by the names of their fields."""
